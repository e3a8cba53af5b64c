/** The page docs/configs.md: every config that is known, and what setting it does. */

import { authorizerConfigs } from '../src/config/authorizer-configs.ts'
import { brokerConfigs } from '../src/config/broker-configs.ts'
import { clientMetricsConfigs } from '../src/config/client-metrics-configs.ts'
import type { ConfigDefinition, ConfigTable } from '../src/config/config-definition.ts'
import { groupConfigs } from '../src/config/group-configs.ts'
import { odradekConfigs } from '../src/config/odradek-configs.ts'
import { replicationQuotaConfigs } from '../src/config/replication-quota-configs.ts'
import { topicConfigs } from '../src/config/topic-configs.ts'
import { formatValue } from '../src/config/values.ts'

const sections: readonly { title: string; about: string; table: ConfigTable }[] = [
  {
    title: 'Broker configs',
    about:
      'In `server.properties`, as `KAFKA_*` variables (and `CLUSTER_ID`), with `--set`, or as `settings` of the library. For one listener: ' +
      '`listener.name.<listener>.<config>`. "Update" says whether Kafka lets a config change while the broker runs, for one ' +
      'broker (per-broker) or for all (cluster-wide), by AlterConfigs or IncrementalAlterConfigs. What is obeyed is then obeyed at ' +
      'once, without a restart; only `listeners` and `listener.security.protocol.map` are refused like read-only ones. Values that are ' +
      // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of configs
      'read at the start may be variables of `config.providers`: `${env:NAME}`, `${file:/path:key}`, `${dir:/path:file}`, ' +
      "with Kafka's EnvVarConfigProvider, FileConfigProvider and DirectoryConfigProvider.",
    table: { ...brokerConfigs, ...authorizerConfigs, ...replicationQuotaConfigs },
  },
  {
    title: 'Topic configs',
    about: 'Set for a topic; otherwise the broker config given as "default of" counts, the first one that is set.',
    table: topicConfigs,
  },
  { title: 'Group configs', about: 'Set for a group; otherwise the broker config counts.', table: groupConfigs },
  {
    title: "Odradek's own configs",
    about: 'Set like broker configs. Apache Kafka does not know them, and no client is told of them.',
    table: odradekConfigs,
  },
  { title: 'Client metrics configs', about: 'Set for a client metrics subscription.', table: clientMetricsConfigs },
]

export function renderConfigs(): string {
  const parts = [
    '<!-- Made by `npm run docs` from src/config/. Change the tables there. -->',
    '# Configs',
    'Odradek knows every config of Apache Kafka 4.3.1: an unknown name is a warning that names the nearest known one (with ' +
      '`--set` and in the library an error), an invalid value is an error. Configs without effect are checked, kept and ' +
      'described like the others. Where a default differs from that of Kafka, both are given.',
  ]
  for (const { title, about, table } of sections) parts.push(`## ${title}`, about, ...renderTable(table))
  return `${parts.join('\n\n')}\n`
}

function renderTable(table: ConfigTable): string[] {
  const rows = Object.entries(table).sort(([left], [right]) => (left < right ? -1 : 1))
  const byEffect = new Map<string, [string, ConfigDefinition][]>()
  for (const row of rows) {
    const { effect } = row[1]
    const heading = effect === 'obeyed' ? 'Obeyed' : `No effect: ${effect.noEffect}`
    byEffect.set(heading, [...(byEffect.get(heading) ?? []), row])
  }
  const headings = [...byEffect.keys()].sort((left, right) =>
    left === 'Obeyed' ? -1 : right === 'Obeyed' ? 1 : left < right ? -1 : 1,
  )
  const withSynonyms = rows.some(([, { brokerSynonyms }]) => brokerSynonyms.length > 0)
  const last = withSynonyms ? 'Default of' : 'Update'
  return headings.flatMap((heading) => [
    `### ${heading}`,
    [
      `| Config | Type | Default | Valid | ${last} |`,
      '| --- | --- | --- | --- | --- |',
      ...(byEffect.get(heading) ?? []).map((row) => renderRow(row, withSynonyms)),
    ].join('\n'),
  ])
}

function renderRow([name, definition]: [string, ConfigDefinition], withSynonyms: boolean): string {
  const { type, valid, updateMode, brokerSynonyms, kafkaDefault } = definition
  const kafka =
    kafkaDefault === undefined
      ? ''
      : kafkaDefault === 'required'
        ? ' (Kafka: required)'
        : ` (Kafka: ${code(formatValue(type, kafkaDefault))})`
  const last = withSynonyms ? brokerSynonyms.map(code).join(', ') : updateMode
  const cells = [
    code(name),
    type.toLowerCase(),
    code(formatValue(type, definition.default)) + kafka,
    valid?.text ?? '',
    last,
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function code(text: string | null): string {
  return text === null ? 'null' : text === '' ? '""' : `\`${text}\``
}
