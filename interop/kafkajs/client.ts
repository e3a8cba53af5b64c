// interop: kafkajs as the scenarios see it.
import type { ClientDescription } from '../scenarios/client.ts'
import { nodeAgent } from '../scenarios/node-agent.ts'
import { codecs } from '../scenarios/wire.ts'
import { allowances } from './allowlist.ts'

export const kafkajs: ClientDescription = {
  name: 'kafkajs',
  missing: () => undefined,
  command: nodeAgent(`${import.meta.dirname}/agent.ts`),
  codecs,
  assignors: ['range', 'roundrobin', 'sticky', 'cooperative-sticky', 'RoundRobinAssigner'],
  staticMembers: false,
  followsTopics: { appearing: false, disappearing: false },
  allowances,
}
