// interop: Kafka's own Java clients as the scenarios see them.
import { existsSync } from 'node:fs'
import type { ClientDescription } from '../scenarios/client.ts'
import { codecs } from '../scenarios/wire.ts'
import { allowances } from './allowlist.ts'

export const java: ClientDescription = {
  name: 'java',
  missing: ({ classes }) =>
    existsSync(`${classes}/Agent.class`) ? undefined : "it is not built (needs JDK 17, and Maven for Kafka's jars)",
  command: ({ jars, classes }, bootstrap) => ({
    file: 'java',
    args: [
      '-Xmx512m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      '-cp',
      `${classes}:${jars}/*`,
      'Agent',
      bootstrap,
    ],
  }),
  codecs,
  assignors: ['range', 'roundrobin', 'sticky', 'cooperative-sticky'],
  staticMembers: true,
  followsTopics: { appearing: true, disappearing: false },
  allowances,
}
