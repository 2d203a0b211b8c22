// Reads manifests separated by NUL bytes from stdin and prints a line for each: "ok", or the error of the parser.
#include "coordinator/manifest/manifest.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>

int main() {
  const std::string all(std::istreambuf_iterator<char>(std::cin), {});
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find('\0', at), all.size());
    const auto manifest = mole::coordinator::manifest::parse_manifest(all.substr(at, end - at), "m.yaml", {});
    auto line = manifest ? "ok" : manifest.error().message;
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::cout << line << '\n';
    at = end + 1;
  }
}
