# SPDX-License-Identifier: MIT
"""The debugger in a terminal: one simulation, or a recording of one, under the magnifying glass (docs/debugging.md).

`engine` drives a simulation in a thread of its own and `playback` goes through a recording; both are a
`driver.Driver`, which takes commands and shows a `snapshot.Snapshot`. `app` draws snapshots and turns keys to commands.
"""
