// interop: what kafkajs does otherwise than it is asked to, or cannot do; FINDINGS.md tells more.
import type { Allowances } from '../scenarios/client.ts'

export const allowances: Allowances = {
  cannotWrite: {
    'null header value': 'its encoder takes the byte length of the value without asking whether there is one',
  },
  readsAs: {},
}
