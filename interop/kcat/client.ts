// interop: kcat as the scenarios see it: Debian's, over Debian's librdkafka, which is years older than the other two.
import { spawnSync } from 'node:child_process'
import type { ClientDescription } from '../scenarios/client.ts'
import { nodeAgent } from '../scenarios/node-agent.ts'
import { codecs } from '../scenarios/wire.ts'
import { allowances } from './allowlist.ts'

export const kcat: ClientDescription = {
  name: 'kcat',
  missing: () => (spawnSync('kcat', ['-V']).status === 0 ? undefined : 'kcat is not installed (Debian: kcat)'),
  command: nodeAgent(`${import.meta.dirname}/agent.ts`),
  codecs,
  assignors: ['range', 'roundrobin', 'cooperative-sticky'],
  staticMembers: true,
  followsTopics: { appearing: false, disappearing: false },
  allowances,
}
