#include "plugins/downloaders/s3/listing.hpp"

#include "plugins/downloaders/web/url.hpp"

#include <libxml/parser.h>
#include <libxml/tree.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>

namespace mole::s3 {
namespace {

constexpr std::size_t max_entries = 1000;  // S3 never lists more on a page

using Document = std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)>;

// Null for anything but one well-formed document without a document type, which could define entities.
Document parse(const std::string& xml) {
  static const bool initialised = (xmlInitParser(), true);  // before threads use it
  (void)initialised;
  const auto size = static_cast<int>(std::min<std::size_t>(xml.size(), std::numeric_limits<int>::max()));
  Document document(xmlReadMemory(xml.data(), size, "", nullptr, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING),
                    &xmlFreeDoc);
  if (document && document->intSubset) document.reset();
  return document;
}

bool is_named(const xmlNode* node, const char* name) {
  return node->type == XML_ELEMENT_NODE && xmlStrcmp(node->name, BAD_CAST name) == 0;
}

const xmlNode* root_of(const Document& document, const char* name) {
  const auto* root = document ? xmlDocGetRootElement(document.get()) : nullptr;
  return root && is_named(root, name) ? root : nullptr;
}

// The text of the first child of this name; empty: there is none.
std::string text_of(const xmlNode* parent, const char* name) {
  for (const auto* child = parent->children; child; child = child->next) {
    if (!is_named(child, name)) continue;
    auto* text = xmlNodeGetContent(child);
    std::string out(text ? reinterpret_cast<const char*>(text) : "");
    xmlFree(text);
    return out;
  }
  return {};
}

Error damaged(const std::string& what) {
  return transient("the server's list of objects " + what + "; try again, or check the server");
}

// Keys are percent-encoded if the server says so, with '+' for a space.
std::optional<std::string> decoded(std::string key, bool encoded) {
  if (!encoded) return key;
  std::replace(key.begin(), key.end(), '+', ' ');
  return web::decode(key);
}

Result<Entry> entry_of(const xmlNode* node, bool encoded) {
  Entry entry{{}, text_of(node, "ETag"), text_of(node, "StorageClass")};
  const auto size = text_of(node, "Size");
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), entry.size);
  auto key = decoded(text_of(node, "Key"), encoded);
  if (error != std::errc() || end != size.data() + size.size() || !key || key->empty())
    return damaged("has an object without a usable key or size");
  entry.key = std::move(*key);
  return entry;
}

}  // namespace

Result<Page> parse_page(const std::string& xml) {
  const auto document = parse(xml);
  if (!document) return damaged("is not well-formed XML, or has a document type");
  const auto* root = root_of(document, "ListBucketResult");
  if (!root) return invalid("the server's answer is not a list of objects; check that params.endpoint is an S3 server");
  const bool encoded = text_of(root, "EncodingType") == "url";
  Page page;
  for (const auto* node = root->children; node; node = node->next) {
    if (!is_named(node, "Contents")) continue;
    if (page.entries.size() == max_entries) return damaged("has more than 1000 objects on a page");
    MOLE_TRY(auto entry, entry_of(node, encoded));
    page.entries.push_back(std::move(entry));
  }
  const auto truncated = text_of(root, "IsTruncated");
  if (truncated != "true" && truncated != "false") return damaged("does not say whether it continues");
  if (truncated == "true") page.next = text_of(root, "NextContinuationToken");
  if (truncated == "true" && page.next.empty()) return damaged("continues but does not say where");
  return page;
}

std::string error_code(const std::string& xml) {
  const auto document = parse(xml);
  const auto* root = root_of(document, "Error");
  return root ? web::printable(text_of(root, "Code"), 64) : std::string();
}

}  // namespace mole::s3
