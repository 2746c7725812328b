# SPDX-License-Identifier: MIT
"""Gymnasium and PettingZoo environments over a simulation."""

from pybridge.envs.features import DEFAULT_SLICE_FEATURES, DEFAULT_UE_FEATURES, Feature
from pybridge.envs.parallel_env import RanParallelEnv
from pybridge.envs.qos import Satisfaction, network_satisfaction
from pybridge.envs.reward import RewardFunction, SlaReward
from pybridge.envs.slice_env import SliceEnv
from pybridge.envs.vector_env import Batch, SliceVectorEnv

__all__ = [
    "DEFAULT_SLICE_FEATURES",
    "DEFAULT_UE_FEATURES",
    "Batch",
    "Feature",
    "RanParallelEnv",
    "RewardFunction",
    "Satisfaction",
    "SlaReward",
    "SliceEnv",
    "SliceVectorEnv",
    "network_satisfaction",
]
