# mole_add_plugin(NAME SOURCES file... [TESTS file...] [LIBRARIES target...] [NO_SIDECAR])
#
# Builds NAME.so, which exports only mole_plugin_entry, and then writes its sidecar NAME.plugin.json to the same folder.
# TESTS become one GoogleTest program, test_NAME, registered with CTest; a test includes the plugin's source.
# If a target mole_plugin_test_pch exists, tests without LIBRARIES use its precompiled headers.
# NO_SIDECAR: for intentionally broken libraries.

function(mole_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_SIDECAR" "" "SOURCES;TESTS;LIBRARIES")
  if(NOT DEFINED MOLE_PLUGIN_OUTPUT)
    set(MOLE_PLUGIN_OUTPUT ${CMAKE_CURRENT_BINARY_DIR})
  endif()

  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE Mole::sdk ${arg_LIBRARIES})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${MOLE_PLUGIN_OUTPUT} LINK_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  # No contraction of floating-point operations, so that results are the same with all compilers and on all machines.
  target_compile_options(${name} PRIVATE -ffp-contract=off $<$<STREQUAL:${CMAKE_BUILD_TYPE},>:-O2>)
  # No build paths, so that the same sources give the same binary, and the same digest, in every folder.
  target_compile_options(${name} PRIVATE -ffile-prefix-map=${CMAKE_BINARY_DIR}=./build -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
  # Hidden visibility alone still exports weak symbols of the standard library; the version script does not.
  target_link_options(${name} PRIVATE LINKER:--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()

  if(NOT arg_NO_SIDECAR)
    add_custom_command(TARGET ${name} POST_BUILD VERBATIM
      COMMAND Mole::mole-describe $<TARGET_FILE:${name}> --compiler "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
              --output ${MOLE_PLUGIN_OUTPUT}/${name}.plugin.json)
    add_dependencies(${name} Mole::mole-describe)
  endif()

  if(arg_TESTS AND (NOT DEFINED MOLE_TESTS OR MOLE_TESTS))
    find_package(GTest REQUIRED)
    include(GoogleTest)
    add_executable(test_${name} ${arg_TESTS})
    target_link_libraries(test_${name} PRIVATE Mole::sdk ${arg_LIBRARIES} GTest::gtest_main)
    target_compile_options(test_${name} PRIVATE -ffp-contract=off)
    target_compile_definitions(test_${name} PRIVATE MOLE_NO_ENTRY)
    if(TARGET mole_plugin_test_pch AND NOT arg_LIBRARIES)
      target_precompile_headers(test_${name} REUSE_FROM mole_plugin_test_pch)
    endif()
    gtest_discover_tests(test_${name} TEST_PREFIX ${name}. DISCOVERY_MODE PRE_TEST)
  endif()
endfunction()
