// interop: node-rdkafka as the scenarios see it.
import { existsSync } from 'node:fs'
import type { ClientDescription } from '../scenarios/client.ts'
import { nodeAgent } from '../scenarios/node-agent.ts'
import { codecs } from '../scenarios/wire.ts'
import { allowances } from './allowlist.ts'

export const nodeRdkafka: ClientDescription = {
  name: 'node-rdkafka',
  missing: ({ modules }) =>
    existsSync(`${modules}/.built-node-rdkafka`)
      ? undefined
      : 'it is not built (needs g++, make, python3 and libraries)',
  command: nodeAgent(`${import.meta.dirname}/agent.ts`),
  codecs,
  assignors: ['range', 'roundrobin', 'cooperative-sticky'],
  staticMembers: true,
  followsTopics: { appearing: true, disappearing: true },
  allowances,
}
