#include "runtime/archive/stated_digest.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>

namespace mole::runtime {
namespace {

EVP_MD_CTX* evp(void* context) { return static_cast<EVP_MD_CTX*>(context); }

const EVP_MD* algorithm_of(const std::string& name) {
  if (name == "sha256") return EVP_sha256();
  if (name == "md5") return EVP_md5();
  return nullptr;
}

}  // namespace

void StatedDigest::Free::operator()(void* context) const { EVP_MD_CTX_free(evp(context)); }

StatedDigest::StatedDigest(const std::string& stated) {
  const auto colon = stated.find(':');
  if (colon == std::string::npos) return;
  const auto* algorithm = algorithm_of(stated.substr(0, colon));
  if (!algorithm) return;
  context_.reset(EVP_MD_CTX_new());
  if (!context_ || EVP_DigestInit_ex(evp(context_.get()), algorithm, nullptr) != 1) context_.reset();
  expected_ = stated.substr(colon + 1);
  std::transform(expected_.begin(), expected_.end(), expected_.begin(), [](unsigned char c) { return std::tolower(c); });
}

void StatedDigest::add(std::span<const std::byte> bytes) {
  if (context_) EVP_DigestUpdate(evp(context_.get()), bytes.data(), bytes.size());
}

Result<> StatedDigest::check(const std::string& id) {
  if (!context_) return {};
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(evp(context_.get()), bytes, &size);
  std::string digits;
  for (unsigned i = 0; i < size; ++i) {
    constexpr char hex[] = "0123456789abcdef";
    digits += hex[bytes[i] >> 4];
    digits += hex[bytes[i] & 15];
  }
  if (digits == expected_) return {};
  return corrupt(id + ": its bytes have the digest " + digits + ", but the archive states " + expected_ +
                 "; index the archive again, or restore the file there");
}

}  // namespace mole::runtime
