// Writes the SVG elements that a chart needs, with escaped text and locale-independent numbers.
#pragma once

#include <string>
#include <string_view>

namespace mole::cli {

// Escapes text for use between tags and in attributes. Characters not allowed in XML become U+FFFD.
std::string xml_text(std::string_view text);
// Formats a number with at most two decimals.
std::string svg_number(double value);

class Svg {
 public:
  Svg(int width, int height, std::string_view title);

  void rect(double x, double y, double width, double height, std::string_view attributes);
  void line(double x1, double y1, double x2, double y2, std::string_view attributes);
  void path(std::string_view d, std::string_view attributes);
  void circle(double x, double y, double radius, std::string_view attributes);
  void text(double x, double y, std::string_view text, std::string_view attributes);
  void open_group(std::string_view attributes);
  void close_group();

  std::string finish() &&;

 private:
  std::string out_;
};

}  // namespace mole::cli
