#include "cli/progress/progress.hpp"

#include "cli/format/document.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace mole::cli {
namespace {

using nlohmann::json;

std::uint64_t settled_jobs(const json& request) {
  const auto& jobs = field(request, "jobs");
  return count_of(jobs, "done") + count_of(jobs, "failed") + count_of(jobs, "blocked");
}

// Of a request without jobs: reading an archive.
double files_share(const json& request) {
  const auto& files = field(request, "files");
  return static_cast<double>(count_of(files, "done")) / static_cast<double>(std::max<std::uint64_t>(1, count_of(files, "total")));
}

class Counted : public Progress {
 protected:
  Pace pace(const json& request, double now) {
    if (!start_) {
      start_ = now;
      pace_.jobs_at_start = settled_jobs(request);
      pace_.bytes_at_start = count_of(field(request, "bytes"), "done");
    }
    pace_.elapsed = now - *start_;
    return pace_;
  }

 private:
  std::optional<double> start_;
  Pace pace_;
};

class Bar final : public Counted {
 public:
  Bar(std::ostream& err, const Style& style) : err_(err), style_(style) {}

  void update(const json& request, double now) override {
    const auto total = count_of(field(request, "jobs"), "total");
    const double share = total ? static_cast<double>(settled_jobs(request)) / static_cast<double>(total) : files_share(request);
    const auto line = progress_line(request, pace(request, now));
    if (line == drawn_) return;
    const std::size_t room = style_.width > display_width(line) + 3 ? style_.width - display_width(line) - 3 : 0;
    err_ << "\r\033[K" << progress_bar(share, std::min<std::size_t>(room, 30), style_) << "  " << line << std::flush;
    drawn_ = line;
  }
  void finish() override {
    if (drawn_) err_ << "\r\033[K" << std::flush;
    drawn_.reset();
  }

 private:
  std::ostream& err_;
  Style style_;
  std::optional<std::string> drawn_;  // the line there is
};

// A line when jobs were settled, at most one in two seconds: a log of a week stays readable.
class Plain final : public Counted {
 public:
  explicit Plain(std::ostream& err) : err_(err) {}

  void update(const json& request, double now) override {
    const auto line = progress_line(request, pace(request, now));
    const auto settled = settled_jobs(request);
    latest_ = line;
    if (line.empty()) return;
    if (written_at_ && (settled == written_ || now - *written_at_ < 2)) return;
    write(line, settled, now);
  }
  void finish() override {
    if (!latest_.empty() && latest_ != last_) err_ << latest_ << '\n' << std::flush;
    last_ = latest_;
  }

 private:
  void write(const std::string& line, std::uint64_t settled, double now) {
    err_ << line << '\n' << std::flush;
    last_ = line;
    written_ = settled;
    written_at_ = now;
  }
  std::ostream& err_;
  std::string latest_, last_;
  std::uint64_t written_ = 0;
  std::optional<double> written_at_;
};

class Silent final : public Progress {
 public:
  void update(const json&, double) override {}
  void finish() override {}
};

}  // namespace

ProgressKind progress_kind(const std::string& wish, bool terminal) {
  if (wish == "none") return ProgressKind::none;
  if (wish == "plain") return ProgressKind::plain;
  if (wish == "bar") return ProgressKind::bar;
  return terminal ? ProgressKind::bar : ProgressKind::plain;
}

std::string progress_line(const json& request, const Pace& pace) {
  const auto& jobs = field(request, "jobs");
  const auto& files = field(request, "files");
  const auto total = count_of(jobs, "total"), settled = settled_jobs(request);
  std::string line;
  if (total > 0) line = fmt::format("jobs {}/{}", human_count(settled), human_count(total));
  if (const auto n = count_of(jobs, "failed"); n > 0) line += fmt::format(" ({} failed)", human_count(n));
  if (count_of(files, "total") > 0)
    line += fmt::format("{}files {}/{}", line.empty() ? "" : "  ", human_count(count_of(files, "done")),
                        human_count(count_of(files, "total")));
  const auto bytes = count_of(field(request, "bytes"), "done");
  if (pace.elapsed >= 1 && bytes > pace.bytes_at_start)
    line += fmt::format("  {:.1f} MB/s", static_cast<double>(bytes - pace.bytes_at_start) / pace.elapsed / 1e6);
  if (pace.elapsed >= 1 && settled > pace.jobs_at_start && settled < total)
    line += "  ETA " + human_seconds(pace.elapsed * static_cast<double>(total - settled) /
                                     static_cast<double>(settled - pace.jobs_at_start));
  return line;
}

std::string progress_bar(double share, std::size_t width, const Style& style) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width));
  std::string done, rest;
  for (std::size_t i = 0; i < width; ++i) (i < full ? done : rest) += i < full ? "━" : "─";
  return style.paint(Paint::green, done) + style.paint(Paint::dim, rest);
}

std::unique_ptr<Progress> make_progress(ProgressKind kind, std::ostream& err, const Style& style) {
  if (kind == ProgressKind::bar) return std::make_unique<Bar>(err, style);
  if (kind == ProgressKind::plain) return std::make_unique<Plain>(err);
  return std::make_unique<Silent>();
}

}  // namespace mole::cli
