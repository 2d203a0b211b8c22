// A library without a plugin entry.
namespace {
[[maybe_unused]] int nothing = 0;
}
