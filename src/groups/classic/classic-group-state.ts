/**
 * groups: the states of a classic group, named as clients and tools see them.
 *
 *     Empty ─join─► PreparingRebalance ─all joined, or time is up─► CompletingRebalance ─leader's sync─► Stable
 *       ▲                 │   ▲                                             │                              │
 *       └──nobody joined──┘   └────────────a member joins, leaves, fails or changes its subscription───────┘
 */

export type ClassicGroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

export const nextStates: Readonly<Record<ClassicGroupState, readonly ClassicGroupState[]>> = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['PreparingRebalance', 'Stable', 'Dead'],
  Stable: ['PreparingRebalance', 'Dead'],
  Dead: [],
}
