// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/schema-hash.h"

#include <array>
#include <sodium.h>

namespace slicebridge
{

std::string SchemaHash(std::string_view text)
{
    std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256(digest.data(),
                       reinterpret_cast<const unsigned char*>(text.data()),
                       text.size());
    std::string hexadecimal(2 * digest.size() + 1, '\0');
    sodium_bin2hex(hexadecimal.data(), hexadecimal.size(), digest.data(), digest.size());
    hexadecimal.pop_back();
    return hexadecimal;
}

} // namespace slicebridge
