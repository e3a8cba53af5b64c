// interop: what java does otherwise than it is asked to, or cannot do; FINDINGS.md tells more.
import type { Allowances } from '../scenarios/client.ts'

export const allowances: Allowances = {
  cannotWrite: {},
  readsAs: {},
}
