# SPDX-License-Identifier: GPL-2.0-only
#
# Imported targets ns3::<module> for the ns-3 found below NS3_DIR.
#
# The wheel's own ns3Config.cmake names directories of the machine that built it, so the targets
# are made here from the unpacked tree. Two layouts are understood: that of an unpacked or
# installed ns-3 (include/, lib*/libns3.<version>-<module>.so) and that of a source tree that was
# built in place (build/include, build/lib).
#
# NS3_DIR   directory that holds include/ns3 (an install prefix, an unpacked wheel, or a source tree)

set(NS3_DIR "" CACHE PATH "Prefix of the ns-3 to build against (default: the one `make` unpacked)")
if(NOT NS3_DIR)
  set(NS3_DIR "${CMAKE_CURRENT_LIST_DIR}/../../.deps/ns3")
endif()

find_path(NS3_INCLUDE_DIR ns3/core-module.h
          PATHS "${NS3_DIR}/include" "${NS3_DIR}/build/include" NO_DEFAULT_PATH)
file(GLOB NS3_CORE_LIBRARY "${NS3_DIR}/lib*/libns3*-core*.so" "${NS3_DIR}/lib/*/libns3*-core*.so"
     "${NS3_DIR}/build/lib/libns3*-core*.so")
if(NOT NS3_INCLUDE_DIR OR NOT NS3_CORE_LIBRARY)
  message(FATAL_ERROR "No ns-3 below NS3_DIR='${NS3_DIR}' (wanted include/ns3/core-module.h and "
                      "lib*/libns3*-core*.so). Run `make build`, or set NS3_DIR to your own ns-3.")
endif()
list(GET NS3_CORE_LIBRARY 0 NS3_CORE_LIBRARY)
get_filename_component(NS3_LIBRARY_DIR "${NS3_CORE_LIBRARY}" DIRECTORY)
get_filename_component(ns3_core_name "${NS3_CORE_LIBRARY}" NAME)
if(NOT ns3_core_name MATCHES "^libns([0-9.a-z+]+)-core(.*)\\.so$")
  message(FATAL_ERROR "Cannot read the ns-3 version from ${NS3_CORE_LIBRARY}")
endif()
set(NS3_VERSION "${CMAKE_MATCH_1}")
set(ns3_suffix "${CMAKE_MATCH_2}")
message(STATUS "ns-3 ${NS3_VERSION}${ns3_suffix} in ${NS3_LIBRARY_DIR}")

# Profile, logging and assertions must be defined exactly as in the libraries, or class layouts and
# inline functions differ. The profile is in the file's name; of the other two only the messages
# that they compile into the core library tell.
set(ns3_definitions "")
if(ns3_suffix MATCHES "debug|default|relwithdebinfo")
  list(APPEND ns3_definitions NS3_BUILD_PROFILE_DEBUG)
elseif(ns3_suffix MATCHES "optimized")
  list(APPEND ns3_definitions NS3_BUILD_PROFILE_OPTIMIZED)
else()
  list(APPEND ns3_definitions NS3_BUILD_PROFILE_RELEASE)
endif()
file(STRINGS "${NS3_CORE_LIBRARY}" ns3_assert_text LIMIT_COUNT 1 REGEX "NS_ASSERT failed, cond=")
if(ns3_assert_text)
  list(APPEND ns3_definitions NS3_ASSERT_ENABLE)
endif()
file(STRINGS "${NS3_CORE_LIBRARY}" ns3_log_text LIMIT_COUNT 1 REGEX "handle destroy ")
if(ns3_log_text)
  list(APPEND ns3_definitions NS3_LOG_ENABLE)
endif()
message(STATUS "ns-3 was built with: ${ns3_definitions}")

# ns3_import(<module>...) makes one target ns3::<module> per name, each linking ns3::core.
function(ns3_import)
  foreach(module ${ARGN})
    if(TARGET ns3::${module})
      continue()
    endif()
    set(library "${NS3_LIBRARY_DIR}/libns${NS3_VERSION}-${module}${ns3_suffix}.so")
    if(NOT EXISTS "${library}")
      message(FATAL_ERROR "ns-3 in '${NS3_DIR}' lacks the module '${module}'")
    endif()
    add_library(ns3::${module} SHARED IMPORTED GLOBAL)
    set_target_properties(ns3::${module} PROPERTIES IMPORTED_LOCATION "${library}")
    target_include_directories(ns3::${module} SYSTEM INTERFACE "${NS3_INCLUDE_DIR}")
    target_compile_definitions(ns3::${module} INTERFACE ${ns3_definitions})
    # config-store refers to GTK symbols that no slicing program calls.
    target_link_options(ns3::${module} INTERFACE "LINKER:--allow-shlib-undefined")
    if(NOT module STREQUAL "core")
      target_link_libraries(ns3::${module} INTERFACE ns3::core)
    endif()
  endforeach()
endfunction()
