// A library, but no plugin.
namespace {
[[maybe_unused]] int nothing = 0;
}
