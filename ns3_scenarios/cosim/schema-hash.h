// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_SCHEMA_HASH_H
#define SLICEBRIDGE_COSIM_SCHEMA_HASH_H

#include <string>
#include <string_view>

namespace slicebridge
{

/// SHA-256 (FIPS 180-4) of a schema's text, in hexadecimal.
std::string SchemaHash(std::string_view text);

} // namespace slicebridge

#endif
