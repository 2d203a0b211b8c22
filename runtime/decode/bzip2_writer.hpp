// Compresses with bzip2, for simulated archives and tests.
#pragma once

#include <mole/result.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mole::runtime {

// Returns one stream. level: 1 (100 kB blocks) to 9 (900 kB).
std::string bzip2_compress(std::string_view bytes, int level = 9);

// Compresses piece by piece into `sink`. One thread at a time.
class Bzip2Writer {
 public:
  using Sink = std::function<Result<>(std::string_view)>;

  explicit Bzip2Writer(Sink sink, int level = 9);
  ~Bzip2Writer();

  // Errors come from the sink; the stream cannot be continued after one.
  Result<> write(std::string_view bytes);
  Result<> finish();  // ends the stream; write() must not be called after it

 private:
  struct Stream;
  Result<> run(std::string_view bytes, int action);

  Sink sink_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace mole::runtime
