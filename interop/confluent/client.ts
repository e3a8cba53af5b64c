// interop: @confluentinc/kafka-javascript as the scenarios see it, through the API that it promotes (the one like kafkajs's).
import { existsSync } from 'node:fs'
import type { ClientDescription } from '../scenarios/client.ts'
import { nodeAgent } from '../scenarios/node-agent.ts'
import { codecs } from '../scenarios/wire.ts'
import { allowances } from './allowlist.ts'

export const confluent: ClientDescription = {
  name: 'confluent',
  missing: ({ modules }) =>
    existsSync(`${modules}/.built-@confluentinc-kafka-javascript`)
      ? undefined
      : 'it is not built (needs g++, make, python3 and libraries)',
  command: nodeAgent(`${import.meta.dirname}/agent.ts`),
  codecs,
  assignors: ['range', 'roundrobin', 'cooperative-sticky'],
  staticMembers: true,
  followsTopics: { appearing: true, disappearing: true },
  allowances,
}
