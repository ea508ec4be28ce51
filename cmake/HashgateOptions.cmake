# Options, flags and the one interface target that carries them to our own code (never to users of it).
option(HASHGATE_TESTS "Build the tests" ON)
option(HASHGATE_BENCH "Build the benchmarks" OFF)
option(HASHGATE_FUZZ "Build fuzz targets with libFuzzer (clang); otherwise they get a plain main that replays corpora" OFF)
set(HASHGATE_SANITIZE "" CACHE STRING "address (with undefined), thread, or empty")
set(HASHGATE_MODULES "" CACHE STRING "Modules to configure, for work on a part of the tree; empty means all")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(HASHGATE_CCACHE ccache)
if(HASHGATE_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${HASHGATE_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${HASHGATE_CCACHE}")
endif()

add_library(hashgate_flags INTERFACE)
target_compile_options(hashgate_flags INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wno-missing-field-initializers -Wno-error=deprecated-declarations -Wshadow -Wnon-virtual-dtor
  # g++ 12 warns of things that are not there: overlapping copies in std::string's operator+ (its bug 105651), and the
  # inactive member of a std::expected as uninitialised or wrongly freed; under the sanitizers also vectors that
  # shrink as if they grew by impossible sizes. clang-tidy and the sanitizers look instead.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized -Wno-free-nonheap-object>
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${HASHGATE_SANITIZE}>>:-Wno-stringop-overflow -Wno-array-bounds>
  # PDQ must follow the reference's order of float operations on every machine.
  -ffp-contract=off
  -fstack-protector-strong -fno-omit-frame-pointer)
# TSan follows every atomic itself; g++ 12 warns about fences it does not use.
if(HASHGATE_SANITIZE STREQUAL "address")
  # UBSan without the checks that cost minutes of compile time and find nothing that ASan does not.
  set(_san -fsanitize=address,undefined -fno-sanitize-recover=all
      -fno-sanitize=null,alignment,object-size,vptr,pointer-overflow)
elseif(HASHGATE_SANITIZE STREQUAL "thread")
  set(_san -fsanitize=thread -Wno-error=tsan)
elseif(HASHGATE_SANITIZE)
  message(FATAL_ERROR "HASHGATE_SANITIZE is '${HASHGATE_SANITIZE}': use address, thread or nothing")
endif()
if(HASHGATE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "HASHGATE_FUZZ needs clang: use the preset 'fuzz'")
  endif()
  list(APPEND _san -fsanitize=fuzzer-no-link)
endif()
if(_san)
  target_compile_options(hashgate_flags INTERFACE ${_san})
  target_link_options(hashgate_flags INTERFACE ${_san})
  target_compile_definitions(hashgate_flags INTERFACE HASHGATE_SANITIZED=1)
endif()
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT HASHGATE_SANITIZE)
  target_compile_options(hashgate_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
# For the tests' own sources (and the inline functions that they use), of which most run for milliseconds: they are half
# of what there is to compile, and take a quarter to a third longer at what tested code is compiled with.
set(HASHGATE_TEST_OPTIONS "")
if(HASHGATE_SANITIZE)
  set(HASHGATE_TEST_OPTIONS -O0)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  # At this level g++ 12 warns, as under the sanitizers, of sizes that cannot be.
  set(HASHGATE_TEST_OPTIONS -O1
      $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds>)
endif()
target_link_options(hashgate_flags INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
