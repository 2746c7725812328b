// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SLICING_UNIT_ALLOCATOR_H
#define SLICEBRIDGE_SLICING_UNIT_ALLOCATOR_H

#include "slicing/rrm-policy.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slicebridge
{

/// What a slice wants and already holds in one TTI, in allocation units.
struct SliceDemand
{
    uint32_t wanted{};    ///< units that new data could fill; may exceed what there is
    uint32_t committed{}; ///< units already taken by repetitions that could not wait
};

/**
 * Whole units in `ratio` of `units`, rounded down: the cap of a TTI. A ratio counts to a millionth,
 * so that 0.3F of 10 units is 3 and 0.7F of 10 is 7, although floats lie a little beside both.
 * @param units at most 1000
 */
uint32_t WholeUnits(float ratio, uint32_t units);

/**
 * Divides the allocation units of a TTI (PRBs, or RBGs where the RAN cannot do finer) between
 * slices by RrmPolicyRatio. Knows no radio.
 *
 * First the exact share of each slice in this TTI is found, in millionths of a unit:
 *  1. what a slice leaves of `dedicated` (up to its cap) stays idle;
 *  2. each slice gets what it wants up to `min`;
 *  3. the spare goes to those who want more and are below their caps, in proportion to `min`; if
 *     only slices without a `min` are left, in equal parts;
 *  4. a slice whose repetitions alone take more than that keeps them, and the others share the
 *     rest by 2 and 3 (by 2 in proportion, if it does not suffice).
 *
 * Then the shares are rounded to whole units by largest remainder, and what rounding, or the
 * repetitions of others, kept from a slice is carried to the following TTIs. Hence ratios are met
 * exactly in the long run. A claim or a debt is carried as long as it takes, but neither grows in
 * a slice that wants nothing, and claims are scaled back where one passes MAX_CARRY_UNITS.
 */
class UnitAllocator
{
  public:
    /// Largest claim or debt that is carried between TTIs, in units.
    static constexpr int64_t MAX_CARRY_UNITS = 2;

    /// Starts with RrmPolicyRatio{} for each slice.
    explicit UnitAllocator(std::size_t slices);

    /**
     * From the next TTI on; claims are kept.
     * @param policies feasible, one per slice
     * @throws std::invalid_argument if they are not
     */
    void SetPolicies(std::span<const RrmPolicyRatio> policies);

    /**
     * Divide one TTI. Allocates no memory.
     *
     * Guarantees: sum(committed + granted) <= units, unless committed alone passes it, and then
     * nothing is granted; committed + granted <= WholeUnits(max, units) unless committed alone
     * passes it, and then granted is 0; a slice gets what it wants up to the whole units of
     * `min`, less one if it pays back a debt, unless repetitions of others take them; unused
     * `dedicated` stays idle (its sum over slices, rounded down or up and right in the long run);
     * nothing else stays idle while a slice below its cap wants it; the result depends on the
     * order of slices only to break ties (keys within a few millionths), by slice id.
     *
     * @param units allocatable in this TTI, those in `committed` included
     * @param demand one per slice
     * @return units for new data, one per slice; valid until the next call
     */
    std::span<const uint32_t> Allocate(uint32_t units, std::span<const SliceDemand> demand);

  private:
    /// Policy, carry and working space of a slice. Ratios in millionths, amounts in millionths of
    /// a unit: integers, so that results depend neither on order nor on the machine.
    struct Slot
    {
        int64_t dedicated{};
        int64_t min{};
        int64_t max{};
        int64_t carry{}; ///< what the slice got too little of, summed over TTIs

        int64_t guaranteed{}; ///< `min` of this TTI
        int64_t limit{};      ///< wanted and allowed by the cap, repetitions included
        int64_t committed{};
        int64_t share{};    ///< exact share
        int64_t entitled{}; ///< exact share if no repetition took more than its due
        int64_t given{};    ///< whole units, times SCALE
        bool overrun{};     ///< repetitions alone take more than the share
    };

    static bool Contends(const Slot& slot, bool byMin);
    static int64_t Weight(const Slot& slot);
    static int64_t Owed(const Slot& slot);

    void Prepare(uint32_t units, std::span<const SliceDemand> demand);
    bool ShareOut();
    int64_t Fill(int64_t budget);
    void FillShort(int64_t budget, int64_t need);
    int64_t Spread(int64_t budget, bool byMin);
    void SpreadRound(int64_t budget, int64_t weights, bool byMin);
    bool MarkOverruns();
    void Round();
    void PayBack();
    void Carry();

    std::vector<Slot> m_slots;
    std::vector<uint32_t> m_granted;
    int64_t m_total{};   ///< units of this TTI, times SCALE
    int64_t m_reserve{}; ///< unused dedicated part of this TTI
    int64_t m_idle{};    ///< whole units thereof, times SCALE
    int64_t m_idleCarry{};
};

} // namespace slicebridge

#endif
