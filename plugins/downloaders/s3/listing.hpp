// Answers of S3 servers in XML: a page of ListObjectsV2, and an error.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace mole::s3 {

struct Entry {
  std::string key, etag, storage_class;
  std::uint64_t size = 0;
};

struct Page {
  std::vector<Entry> entries;
  std::string next;  // continuation token; empty: the last page
};

// transient: the answer is damaged or contradicts itself. invalid: it does not come from an S3 server.
Result<Page> parse_page(const std::string& xml);

// The error code in the body of a refused request, such as "NoSuchKey"; empty: none.
std::string error_code(const std::string& xml);

}  // namespace mole::s3
