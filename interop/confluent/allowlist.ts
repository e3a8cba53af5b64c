// interop: what @confluentinc/kafka-javascript does otherwise than it is asked to, or cannot do; FINDINGS.md tells more.
import type { Allowances } from '../scenarios/client.ts'

export const allowances: Allowances = {
  cannotWrite: {
    'empty key': 'it hands librdkafka no key where the key is empty',
    'empty value': 'it hands librdkafka no value where the value is empty',
    'empty header value': 'it hands librdkafka no header value where the value is empty',
    'null header value': 'it writes header values as strings',
  },
  readsAs: {
    'empty header value': { reason: 'it hands librdkafka no header value where the value is empty' },
    'null header value': { nullHeaderValue: '', reason: 'it makes a buffer of each header value' },
  },
}
