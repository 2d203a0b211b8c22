// Measures an archive of 200,000 files in a coordinator: CPU time of the first listing, of a refresh after one new file, and of
// queries.
#include "tests/coordinator/world.hpp"

#include <ctime>

namespace {

using namespace mole;
using namespace mole::coordinator;

constexpr int hours = 100'000;  // of each of two routers

double cpu_seconds(const auto& work) {
  const auto begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

struct Archive : mole::test::World {
  task::ListingDigest digest;

  Archive() {
    join("a", "a1");
    add(0, hours);
  }
  void add(int from, int count) {
    for (const char* router : {"1", "2"}) {
      add_files(router, from, count);
      for (int hour = from; hour < from + count; ++hour) digest.add(archive.at(file_name(router, hour)));
    }
  }
  task::Spec listing_task() {
    const auto manifest = submission(mole::test::border, "2007-09-22", "2007-09-23");
    if (!service().archive_task(manifest, "border/flows", RequestKind::index)) std::exit(1);
    return lease("a", 1).at(0);
  }
  Completion report_of(const task::Spec& spec) {
    Completion done;
    done.node = "a";
    done.incarnation = incarnation["a"];
    done.spec = spec;
    done.report.task = spec.id;
    done.report.listing = digest.value();
    return done;
  }
};

}  // namespace

int main() {
  Archive world;
  auto whole = world.report_of(world.listing_task());
  std::vector<task::IndexEntry> entries;
  for (const auto& [id, entry] : world.archive) entries.push_back(entry);
  const auto text = task::index_text(entries);
  whole.report.index_blob = digest_of(std::string_view(text));
  constexpr std::size_t piece = 1 << 20;
  for (std::size_t at = 0; at < text.size(); at += piece)
    if (!world.service().put_blob(whole.report.index_blob, at, text.substr(at, piece), text.size())) return 1;
  const auto first = cpu_seconds([&] { world.complete(whole); });

  constexpr int rounds = 20;
  double refresh = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto before = world.digest.value();
    world.add(hours + round, 1);
    refresh += cpu_seconds([&] {
      auto done = world.report_of(world.listing_task());
      done.report.listing_before = before;
      for (const char* router : {"1", "2"}) done.report.index.push_back(world.archive.at(world.file_name(router, hours + round)));
      world.complete(done);
    });
  }
  const auto begin = *parse_time("2007-09-22") + 5000 * day_us / 2;
  std::size_t files = 0;
  const auto range = cpu_seconds([&] { files = world.service().archive_files("border/flows", {begin, begin + day_us})->size(); });
  const auto gaps = cpu_seconds([&] { (void)world.service().archive_gaps("border/flows"); });
  const auto day = world.submission(mole::test::border, "2010-01-01", "2010-01-02");
  const auto plan = cpu_seconds([&] { (void)world.service().plan(day); });
  world.reopen();
  const auto cold = cpu_seconds([&] { (void)world.service().archive_files("border/flows", {begin, begin + day_us}); });
  std::printf(
      "{\"files_in_range\": %zu, \"first\": %.4f, \"refresh\": %.5f, \"range\": %.5f, \"gaps\": %.4f, \"plan\": %.4f, "
      "\"cold_range\": %.4f}\n",
      files, first, refresh / rounds, range, gaps, plan, cold);
  return files >= 48 ? 0 : 1;
}
