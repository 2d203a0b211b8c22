// Makes bzip2: for simulated archives and for tests.
#pragma once

#include <mole/result.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mole::runtime {

// One stream. level: 1 (100 kB blocks) to 9 (900 kB).
std::string bzip2_compress(std::string_view bytes, int level = 9);

// The same, piece by piece; give `sink` what comes out. One thread at a time.
class Bzip2Writer {
 public:
  using Sink = std::function<Result<>(std::string_view)>;

  explicit Bzip2Writer(Sink sink, int level = 9);
  ~Bzip2Writer();

  // An error is the sink's; the stream cannot be continued after one.
  Result<> write(std::string_view bytes);
  Result<> finish();  // ends the stream; nothing more may be written

 private:
  struct Stream;
  Result<> run(std::string_view bytes, int action);

  Sink sink_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace mole::runtime
