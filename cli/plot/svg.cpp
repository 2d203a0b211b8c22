#include "cli/plot/svg.hpp"

#include "sdk/model/utf8.hpp"

#include <fmt/format.h>

namespace mole::cli {

std::string xml_text(std::string_view text) {
  const bool utf8 = is_utf8(text);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool control = byte < 0x20 && c != '\t' && c != '\n' && c != '\r';
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (control || (byte >= 0x80 && !utf8))
      out += "\xef\xbf\xbd";
    else
      out += c;
  }
  return out;
}

std::string svg_number(double value) {
  auto text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

Svg::Svg(int width, int height, std::string_view title) {
  out_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
      "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" "
      "fill=\"#222\">\n<title>{2}</title>\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      width, height, xml_text(title));
}

void Svg::rect(double x, double y, double width, double height, std::string_view attributes) {
  out_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}/>\n", svg_number(x), svg_number(y),
                      svg_number(width), svg_number(height), attributes);
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view attributes) {
  out_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {}/>\n", svg_number(x1), svg_number(y1), svg_number(x2),
                      svg_number(y2), attributes);
}

void Svg::path(std::string_view d, std::string_view attributes) { out_ += fmt::format("<path d=\"{}\" {}/>\n", d, attributes); }

void Svg::circle(double x, double y, double radius, std::string_view attributes) {
  out_ +=
      fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}/>\n", svg_number(x), svg_number(y), svg_number(radius), attributes);
}

void Svg::text(double x, double y, std::string_view text, std::string_view attributes) {
  out_ += fmt::format("<text x=\"{}\" y=\"{}\" {}>{}</text>\n", svg_number(x), svg_number(y), attributes, xml_text(text));
}

void Svg::open_group(std::string_view attributes) { out_ += fmt::format("<g {}>\n", attributes); }
void Svg::close_group() { out_ += "</g>\n"; }

std::string Svg::finish() && { return std::move(out_) + "</svg>\n"; }

}  // namespace mole::cli
