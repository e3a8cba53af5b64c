// interop: what kcat does otherwise than it is asked to, or cannot do; FINDINGS.md tells more.
import type { Allowances } from '../scenarios/client.ts'

export const allowances: Allowances = {
  cannotWrite: {
    'neither key nor value': 'it takes an empty line without a key for nothing to send',
  },
  readsAs: {},
}
