// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/key-file.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <zmq.h>

namespace slicebridge
{

namespace
{

constexpr std::size_t Z85_LENGTH = 40;
constexpr std::size_t KEY_BYTES = 32;

void RefuseIfShared(const std::string& path)
{
    namespace fs = std::filesystem;
    constexpr auto others = fs::perms::group_all | fs::perms::others_all;
    std::error_code error;
    const auto permissions = fs::status(path, error).permissions();
    if (!error && (permissions & others) != fs::perms::none)
    {
        throw std::invalid_argument("the key file " + path + " is open to others: run `chmod 600 " +
                                    path + "`");
    }
}

std::string Z85Key(const nlohmann::json& json, const char* name)
{
    auto key = json.at(name).get<std::string>();
    std::array<uint8_t, KEY_BYTES> bytes{};
    if (key.size() != Z85_LENGTH || zmq_z85_decode(bytes.data(), key.c_str()) == nullptr)
    {
        throw std::invalid_argument(std::string("`") + name + "` is no key");
    }
    return key;
}

} // namespace

SimulationKey ReadSimulationKey(const std::string& path)
{
    std::ifstream file(path);
    if (!file)
    {
        throw std::invalid_argument("the key file " + path + " cannot be read");
    }
    RefuseIfShared(path);
    try
    {
        const auto json = nlohmann::json::parse(file);
        if (json.at("role") != "simulation")
        {
            throw std::invalid_argument("it is not a simulation's");
        }
        return {Z85Key(json, "public"), Z85Key(json, "secret"), Z85Key(json, "learner_public")};
    }
    catch (const nlohmann::json::exception&)
    {
        throw std::invalid_argument("the key file " + path + " is malformed");
    }
    catch (const std::invalid_argument& error)
    {
        throw std::invalid_argument("the key file " + path + ": " + error.what());
    }
}

} // namespace slicebridge
