// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/json-reader.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace slicebridge
{

namespace
{

const nlohmann::json EMPTY_OBJECT = nlohmann::json::object();

std::string Text(double number)
{
    std::ostringstream text;
    text.precision(10);
    text << number;
    return text.str();
}

/// A value as the message quotes it; long ones are cut.
std::string Quote(const nlohmann::json& json)
{
    constexpr std::size_t LONGEST = 60;
    const auto text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return text.size() <= LONGEST ? text : text.substr(0, LONGEST) + "...";
}

template <typename Items>
std::string Join(const Items& items)
{
    std::ostringstream text;
    const char* separator = "";
    for (const auto& item : items)
    {
        text << separator << item;
        separator = ", ";
    }
    return text.str();
}

std::string RowText(const std::vector<NumberRange>& columns)
{
    std::vector<std::string> texts;
    for (const auto& column : columns)
    {
        texts.push_back(column.Text());
    }
    constexpr std::size_t FEW = 4;
    if (texts.size() > FEW && std::ranges::count(texts, texts[0]) == std::ssize(texts))
    {
        return "a list of " + std::to_string(texts.size()) + " numbers, " + texts[0];
    }
    return "[" + Join(texts) + "]";
}

NumberRange IntegerRange(uint32_t low, uint32_t high)
{
    return {.low = double(low), .high = double(high)};
}

} // namespace

bool NumberRange::Holds(double value) const
{
    return std::isfinite(value) && (lowOpen ? value > low : value >= low) &&
           (highOpen ? value < high : value <= high);
}

std::string NumberRange::Text() const
{
    std::string text = "value";
    if (std::isfinite(low))
    {
        text = slicebridge::Text(low) + (lowOpen ? " < " : " <= ") + text;
    }
    if (std::isfinite(high))
    {
        text += (highOpen ? " < " : " <= ") + slicebridge::Text(high);
    }
    return text == "value" ? "a number" : text;
}

JsonReader::JsonReader(const nlohmann::json& json, std::string path, Violations& violations)
    : m_json(&json),
      m_path(std::move(path)),
      m_violations(&violations)
{
    if (!json.is_object())
    {
        m_violations->push_back((m_path.empty() ? "document" : m_path) + ": is " + Quote(json) +
                                " (allowed: an object)");
        m_json = &EMPTY_OBJECT;
    }
}

std::string JsonReader::PathOf(const std::string& key) const
{
    return m_path.empty() ? key : m_path + "." + key;
}

void JsonReader::Refuse(const std::string& key,
                        const std::string& message,
                        const std::string& allowed)
{
    m_violations->push_back(PathOf(key) + ": " + message + " (allowed: " + allowed + ")");
}

void JsonReader::Abandon()
{
    m_json = &EMPTY_OBJECT;
}

const nlohmann::json* JsonReader::Find(const std::string& key, const std::string& allowed)
{
    m_asked.insert(key);
    const auto found = m_json->find(key);
    if (found == m_json->end())
    {
        // Of what the stand-in replaces, enough has been said.
        if (m_json != &EMPTY_OBJECT)
        {
            Refuse(key, "is missing", allowed);
        }
        return nullptr;
    }
    return &*found;
}

std::optional<double> JsonReader::OptionalNumber(const std::string& key, const NumberRange& range)
{
    const auto* json = Find(key, range.Text() + ", or null");
    if (!json || json->is_null())
    {
        return std::nullopt;
    }
    return Number(key, range);
}

double JsonReader::Number(const std::string& key, const NumberRange& range)
{
    const auto* json = Find(key, range.Text());
    if (!json)
    {
        return range.low;
    }
    if (!json->is_number() || !range.Holds(json->get<double>()))
    {
        Refuse(key, "is " + Quote(*json), range.Text());
        return range.low;
    }
    return json->get<double>();
}

std::optional<uint32_t> JsonReader::OptionalInteger(const std::string& key,
                                                    uint32_t low,
                                                    uint32_t high)
{
    const auto* json = Find(key, IntegerRange(low, high).Text() + ", or null");
    if (!json || json->is_null())
    {
        return std::nullopt;
    }
    return Integer(key, low, high);
}

uint32_t JsonReader::Integer(const std::string& key, uint32_t low, uint32_t high)
{
    const auto range = IntegerRange(low, high);
    const std::string allowed = "an integer, " + range.Text();
    const auto* json = Find(key, allowed);
    if (!json)
    {
        return low;
    }
    if (!json->is_number_integer() || !range.Holds(json->get<double>()))
    {
        Refuse(key, "is " + Quote(*json), allowed);
        return low;
    }
    return json->get<uint32_t>();
}

uint32_t JsonReader::IntegerOf(const std::string& key, const std::set<uint32_t>& allowed)
{
    const auto* json = Find(key, Join(allowed));
    if (!json)
    {
        return *allowed.begin();
    }
    const bool fits =
        json->is_number_integer() &&
        IntegerRange(0, std::numeric_limits<uint32_t>::max()).Holds(json->get<double>());
    if (!fits || !allowed.contains(json->get<uint32_t>()))
    {
        Refuse(key, "is " + Quote(*json), Join(allowed));
        return *allowed.begin();
    }
    return json->get<uint32_t>();
}

std::vector<uint32_t> JsonReader::Integers(const std::string& key,
                                           std::pair<uint32_t, uint32_t> range,
                                           std::size_t least,
                                           std::size_t most)
{
    const auto each = IntegerRange(range.first, range.second);
    const std::string allowed = "a list of " + std::to_string(least) + " to " +
                                std::to_string(most) + " integers, " + each.Text();
    const auto* json = Find(key, allowed);
    const auto fits = [&each](const nlohmann::json& entry)
    { return entry.is_number_integer() && each.Holds(entry.get<double>()); };
    if (json && json->is_array() && json->size() >= least && json->size() <= most &&
        std::all_of(json->begin(), json->end(), fits))
    {
        return json->get<std::vector<uint32_t>>();
    }
    if (json)
    {
        Refuse(key, "is " + Quote(*json), allowed);
    }
    return std::vector<uint32_t>(least, range.first);
}

bool JsonReader::Boolean(const std::string& key)
{
    const auto* json = Find(key, "true, false");
    if (json && !json->is_boolean())
    {
        Refuse(key, "is " + Quote(*json), "true, false");
        return false;
    }
    return json && json->get<bool>();
}

std::string JsonReader::String(const std::string& key)
{
    const auto* json = Find(key, "a string");
    if (json && !json->is_string())
    {
        Refuse(key, "is " + Quote(*json), "a string");
        return {};
    }
    return json ? json->get<std::string>() : std::string{};
}

std::string JsonReader::Name(const std::string& key)
{
    constexpr std::size_t LONGEST = 64;
    const auto before = m_violations->size();
    const auto name = String(key);
    const auto isNameCharacter = [](char c)
    { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (m_violations->size() == before && m_json != &EMPTY_OBJECT &&
        (name.empty() || name.size() > LONGEST ||
         !std::all_of(name.begin(), name.end(), isNameCharacter)))
    {
        Refuse(key, "is " + Quote(name), "1 to 64 of a-z, 0-9 and -");
    }
    return name;
}

std::size_t JsonReader::ChoiceIndex(const std::string& key,
                                    const std::vector<std::string_view>& names)
{
    const auto* json = Find(key, Join(names));
    if (!json)
    {
        return 0;
    }
    const auto found =
        std::find_if(names.begin(),
                     names.end(),
                     [json](std::string_view name)
                     { return json->is_string() && json->get_ref<const std::string&>() == name; });
    if (found == names.end())
    {
        Refuse(key, "is " + Quote(*json), Join(names));
        return 0;
    }
    return static_cast<std::size_t>(found - names.begin());
}

JsonReader JsonReader::Object(const std::string& key)
{
    const auto* json = Find(key, "an object");
    return {json ? *json : EMPTY_OBJECT, PathOf(key), *m_violations};
}

std::vector<JsonReader> JsonReader::Objects(const std::string& key,
                                            std::size_t low,
                                            std::size_t high)
{
    const std::string allowed =
        "a list of " + std::to_string(low) + " to " + std::to_string(high) + " objects";
    std::vector<JsonReader> readers;
    const auto* json = Find(key, allowed);
    if (!json)
    {
        return readers;
    }
    if (!json->is_array() || json->size() < low || json->size() > high)
    {
        const auto what = json->is_array() ? "has " + std::to_string(json->size()) + " entries"
                                           : "is " + Quote(*json);
        Refuse(key, what, allowed);
        return readers;
    }
    for (std::size_t i = 0; i < json->size(); ++i)
    {
        readers.emplace_back((*json)[i],
                             PathOf(key) + "[" + std::to_string(i) + "]",
                             *m_violations);
    }
    return readers;
}

std::optional<std::vector<double>> JsonReader::ReadRow(const nlohmann::json& json,
                                                       const std::string& key,
                                                       const std::vector<NumberRange>& columns)
{
    std::vector<double> row;
    if (json.is_array() && json.size() == columns.size())
    {
        for (std::size_t i = 0; i < columns.size(); ++i)
        {
            if (json[i].is_number() && columns[i].Holds(json[i].get<double>()))
            {
                row.push_back(json[i].get<double>());
            }
        }
    }
    if (row.size() != columns.size())
    {
        Refuse(key, "is " + Quote(json), RowText(columns));
        return std::nullopt;
    }
    return row;
}

std::vector<std::vector<double>> JsonReader::Rows(const std::string& key,
                                                  const std::vector<NumberRange>& columns,
                                                  std::size_t least)
{
    const std::string allowed =
        "a list of " + std::to_string(least) + " or more " + RowText(columns);
    std::vector<std::vector<double>> rows;
    const auto* json = Find(key, allowed);
    if (!json)
    {
        return rows;
    }
    if (!json->is_array() || json->size() < least)
    {
        Refuse(key, "is " + Quote(*json), allowed);
        return rows;
    }
    for (std::size_t i = 0; i < json->size(); ++i)
    {
        if (auto row = ReadRow((*json)[i], key + "[" + std::to_string(i) + "]", columns))
        {
            rows.push_back(std::move(*row));
        }
    }
    return rows;
}

std::optional<std::vector<std::vector<double>>> JsonReader::OptionalRows(
    const std::string& key,
    const std::vector<NumberRange>& columns)
{
    const auto found = m_json->find(key);
    if (found != m_json->end() && found->is_null())
    {
        m_asked.insert(key);
        return std::nullopt;
    }
    return Rows(key, columns, 1);
}

std::optional<std::vector<double>> JsonReader::OptionalRow(const std::string& key,
                                                           const std::vector<NumberRange>& columns)
{
    const auto found = m_json->find(key);
    if (found != m_json->end() && found->is_null())
    {
        m_asked.insert(key);
        return std::nullopt;
    }
    return Row(key, columns);
}

std::vector<double> JsonReader::Row(const std::string& key, const std::vector<NumberRange>& columns)
{
    std::vector<double> fallback(columns.size());
    const auto* json = Find(key, RowText(columns));
    return json ? ReadRow(*json, key, columns).value_or(fallback) : fallback;
}

std::vector<std::pair<std::string, std::string>> JsonReader::Strings(const std::string& key)
{
    std::vector<std::pair<std::string, std::string>> strings;
    auto reader = Object(key);
    for (const auto& [name, value] : reader.m_json->items())
    {
        strings.emplace_back(name, reader.String(name));
    }
    return strings;
}

void JsonReader::Unused(const std::string& key, std::string_view owner)
{
    m_asked.insert(key);
    const auto found = m_json->find(key);
    if (found != m_json->end() && !found->is_null())
    {
        Refuse(key, "belongs to " + std::string(owner), "null");
    }
}

bool JsonReader::Sound() const
{
    return m_json != &EMPTY_OBJECT &&
           std::none_of(m_violations->begin(),
                        m_violations->end(),
                        [this](const auto& violation) { return violation.starts_with(m_path); });
}

void JsonReader::Close()
{
    std::set<std::string> unknown;
    for (const auto& [key, value] : m_json->items())
    {
        if (!m_asked.contains(key))
        {
            unknown.insert(key);
        }
    }
    for (const auto& key : unknown)
    {
        Refuse(key, "is no key of a scenario", Join(m_asked));
    }
}

} // namespace slicebridge
