#include "runtime/decode/bzip2_writer.hpp"

#include <bzlib.h>

#include <new>

namespace mole::runtime {

std::string bzip2_compress(std::string_view bytes, int level) {
  std::string out(bytes.size() + bytes.size() / 100 + 600, '\0');  // large enough for any content (manual of libbzip2)
  auto size = static_cast<unsigned>(out.size());
  auto* from = const_cast<char*>(bytes.data());  // libbzip2 only reads it
  if (BZ2_bzBuffToBuffCompress(out.data(), &size, from, static_cast<unsigned>(bytes.size()), level, 0, 0) != BZ_OK)
    throw std::bad_alloc();
  out.resize(size);
  return out;
}

}  // namespace mole::runtime
