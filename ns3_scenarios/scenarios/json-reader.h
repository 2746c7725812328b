// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_JSON_READER_H
#define SLICEBRIDGE_SCENARIOS_JSON_READER_H

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slicebridge
{

/// What is wrong with a document, one entry "key.path: message (allowed: ...)" each.
using Violations = std::vector<std::string>;

/// Interval of allowed numbers, closed unless said otherwise.
struct NumberRange
{
    double low{-std::numeric_limits<double>::infinity()};
    double high{std::numeric_limits<double>::infinity()};
    bool lowOpen{false};
    bool highOpen{false};

    bool Holds(double value) const;

    /// For people, e.g. "0 < value <= 1".
    std::string Text() const;
};

/**
 * Reads one object of a JSON document strictly: every key that is asked for must be there with the
 * right type and range, and Close() refuses those that nobody asked for. What is wrong is noted,
 * and a stand-in returned, so that one reading finds every violation.
 */
class JsonReader
{
  public:
    /**
     * @param json to read; a violation if it is no object
     * @param path of it in the document, empty for the document itself
     * @param violations to add to
     */
    JsonReader(const nlohmann::json& json, std::string path, Violations& violations);

    double Number(const std::string& key, const NumberRange& range);
    /// Nothing if the value is null.
    std::optional<double> OptionalNumber(const std::string& key, const NumberRange& range);
    uint32_t Integer(const std::string& key, uint32_t low, uint32_t high);
    std::optional<uint32_t> OptionalInteger(const std::string& key, uint32_t low, uint32_t high);
    uint32_t IntegerOf(const std::string& key, const std::set<uint32_t>& allowed);
    /// A list of `least` to `most` integers.
    std::vector<uint32_t> Integers(const std::string& key,
                                   std::pair<uint32_t, uint32_t> range,
                                   std::size_t least,
                                   std::size_t most);
    bool Boolean(const std::string& key);
    std::string String(const std::string& key);
    /// Lower-case letters, digits and hyphens, 1 to 64 of them.
    std::string Name(const std::string& key);

    /// One of `choices`, by its name.
    template <typename T>
    T Choice(const std::string& key, const std::vector<std::pair<std::string_view, T>>& choices)
    {
        std::vector<std::string_view> names;
        for (const auto& [name, value] : choices)
        {
            names.push_back(name);
        }
        return choices[ChoiceIndex(key, names)].second;
    }

    /// The same for "model", which decides what other keys there are: where it is wrong, nothing is
    /// said of them.
    template <typename T>
    T Model(const std::vector<std::pair<std::string_view, T>>& choices)
    {
        const auto before = m_violations->size();
        const T choice = Choice<T>("model", choices);
        if (m_violations->size() != before)
        {
            Abandon();
        }
        return choice;
    }

    JsonReader Object(const std::string& key);
    /// Objects of a list of `low` to `high` entries.
    std::vector<JsonReader> Objects(const std::string& key, std::size_t low, std::size_t high);
    /// At least `least` rows of as many numbers as there are ranges.
    std::vector<std::vector<double>> Rows(const std::string& key,
                                          const std::vector<NumberRange>& columns,
                                          std::size_t least);
    /// One or more such rows; nothing if the value is null.
    std::optional<std::vector<std::vector<double>>> OptionalRows(
        const std::string& key,
        const std::vector<NumberRange>& columns);
    /// Such a row; nothing if the value is null.
    std::optional<std::vector<double>> OptionalRow(const std::string& key,
                                                   const std::vector<NumberRange>& columns);
    /// One such row.
    std::vector<double> Row(const std::string& key, const std::vector<NumberRange>& columns);
    /// Every entry of an object of strings.
    std::vector<std::pair<std::string, std::string>> Strings(const std::string& key);

    /// The key must be absent or null, since it belongs to another model.
    void Unused(const std::string& key, std::string_view owner);

    /// Note a violation of a rule that spans several keys.
    void Refuse(const std::string& key, const std::string& message, const std::string& allowed);

    /// Nothing has been found wrong in this object so far: rules across keys can be checked.
    bool Sound() const;

    /// No more keys will be asked for.
    void Close();

  private:
    void Abandon();
    const nlohmann::json* Find(const std::string& key, const std::string& allowed);
    std::size_t ChoiceIndex(const std::string& key, const std::vector<std::string_view>& names);
    std::string PathOf(const std::string& key) const;
    std::optional<std::vector<double>> ReadRow(const nlohmann::json& json,
                                               const std::string& key,
                                               const std::vector<NumberRange>& columns);

    const nlohmann::json* m_json;
    std::string m_path;
    Violations* m_violations;
    std::set<std::string> m_asked;
};

} // namespace slicebridge

#endif
