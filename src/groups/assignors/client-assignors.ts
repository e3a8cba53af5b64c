/** groups/assignors: the client-side assignors by name. */
import type { ClientAssignor } from './client-assignor.ts'
import { rangeAssignor } from './range-assignor.ts'
import { roundRobinAssignor } from './round-robin-assignor.ts'
import { cooperativeStickyAssignor, stickyAssignor } from './sticky-assignor.ts'

/** By the names that members put into JoinGroup. */
export const clientAssignors: ReadonlyMap<string, ClientAssignor> = new Map(
  [rangeAssignor, roundRobinAssignor, stickyAssignor, cooperativeStickyAssignor].map((assignor) => [
    assignor.name,
    assignor,
  ]),
)
