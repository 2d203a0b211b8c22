# Settings that make the build faster (docs/build_time.md). Included after all targets are defined.

# Appends the targets of a folder and its subfolders to the list `out`.
function(mole_targets_below folder out)
  get_property(found DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(subfolders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(subfolder IN LISTS subfolders)
    set(below)
    mole_targets_below(${subfolder} below)
    list(APPEND found ${below})
  endforeach()
  set(${out} ${${out}} ${found} PARENT_SCOPE)
endfunction()

# mole_filter_type(LIST TYPE...): removes the targets of all other types from the list.
function(mole_filter_type list)
  set(kept)
  foreach(target IN LISTS ${list})
    get_target_property(type ${target} TYPE)
    if(type IN_LIST ARGN)
      list(APPEND kept ${target})
    endif()
  endforeach()
  set(${list} ${kept} PARENT_SCOPE)
endfunction()

# programs: everything a user runs, without the tests. ./dev build and ./dev demo build this.
mole_targets_below(plugins shipped_plugins)
mole_filter_type(shipped_plugins MODULE_LIBRARY)
add_custom_target(programs)
add_dependencies(programs mole mole-coordinator mole-node mole-worker mole-launch mole-seal mole-describe ${shipped_plugins})

# The tests' own code is not optimised: that halves its compile time (docs/decisions/0101).
set(tests)
set(plugin_tests)
if(MOLE_TESTS)
  mole_targets_below(tests tests)
  mole_targets_below(plugins plugin_tests)
  mole_filter_type(tests EXECUTABLE)
  list(FILTER tests INCLUDE REGEX "^test_")
  list(FILTER plugin_tests INCLUDE REGEX "^test_|_test_pch$")
  # These compute for seconds without optimisation. They cannot use a precompiled header made with -O0.
  set(long_tests test_anomaly test_arma)
  list(REMOVE_ITEM plugin_tests ${long_tests})
  set_target_properties(${long_tests} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
endif()
foreach(target IN LISTS tests plugin_tests)
  target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0>)
endforeach()

# Precompiled headers, one for the libraries and one for the tests; plugins/ has one for the tests of plugins. Only for g++, whose
# precompiled headers work with ccache.
option(MOLE_PRECOMPILE "Precompile the headers of the standard library, nlohmann-json and GoogleTest (g++)" ON)
if(NOT MOLE_PRECOMPILE OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  return()
endif()
file(WRITE ${CMAKE_BINARY_DIR}/empty.cpp "")

# mole_precompile(NAME TARGET...): the targets share the precompiled header of NAME.
function(mole_precompile name)
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/empty.cpp)
  target_precompile_headers(${name} PRIVATE <algorithm> <array> <chrono> <cstdint> <filesystem> <fstream> <functional> <map> <memory>
    <mutex> <optional> <set> <span> <sstream> <string> <string_view> <thread> <unordered_map> <variant> <vector> <nlohmann/json.hpp>)
  foreach(target IN LISTS ARGN)
    # A file whose compile options differ from the header's cannot use it.
    get_target_property(folder ${target} SOURCE_DIR)
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources EXCLUDE REGEX "^\\$")
    foreach(source IN LISTS sources)
      cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${folder})
      get_source_file_property(options ${source} TARGET_DIRECTORY ${target} COMPILE_OPTIONS)
      if(options MATCHES "-O3")
        set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
      endif()
    endforeach()
    target_precompile_headers(${target} REUSE_FROM ${name})
  endforeach()
endfunction()

set(libraries)
foreach(folder sdk runtime coordinator nodes cli)
  mole_targets_below(${folder} libraries)
endforeach()
mole_filter_type(libraries STATIC_LIBRARY)
mole_precompile(mole_library_headers ${libraries})

if(tests)
  find_package(GTest REQUIRED)
  mole_precompile(mole_test_headers ${tests})
  target_precompile_headers(mole_test_headers PRIVATE <gtest/gtest.h>)
  target_link_libraries(mole_test_headers PRIVATE mole_sdk GTest::gtest)
  target_compile_options(mole_test_headers PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0>)
  # Otherwise programs would be compiled with -fPIE, but the header with -fPIC.
  set_target_properties(mole_test_headers ${tests} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
endif()
