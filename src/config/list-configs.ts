/** config: which configs are lists, so that single items can be added and taken away. */

import { brokerConfigs } from './broker-configs.ts'
import type { ConfigTable } from './config-definition.ts'
import { topicConfigs } from './topic-configs.ts'

const tables: Readonly<Record<'topic' | 'broker', ConfigTable>> = { topic: topicConfigs, broker: brokerConfigs }

/** The items that a list config has when nothing is set; otherwise what it is instead of a list. */
export function listConfigDefault(
  table: 'topic' | 'broker',
  name: string,
): readonly string[] | 'not a list' | 'unknown' {
  if (!Object.hasOwn(tables[table], name)) return 'unknown'
  const definition = tables[table][name]
  if (definition?.type !== 'LIST') return 'not a list'
  return (definition.default as readonly string[] | null) ?? []
}
