import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { outdatedPages } from '../../docs/generate.ts'
import { authorizerConfigs } from '../../src/config/authorizer-configs.ts'
import { brokerConfigs } from '../../src/config/broker-configs.ts'
import { clientMetricsConfigs } from '../../src/config/client-metrics-configs.ts'
import type { ConfigTable } from '../../src/config/config-definition.ts'
import { notYet } from '../../src/config/effects.ts'
import { groupConfigs } from '../../src/config/group-configs.ts'
import { odradekConfigs } from '../../src/config/odradek-configs.ts'
import { replicationQuotaConfigs } from '../../src/config/replication-quota-configs.ts'
import { topicConfigs } from '../../src/config/topic-configs.ts'

const root = new URL('../../', import.meta.url).pathname
const brokerTable: ConfigTable = { ...brokerConfigs, ...authorizerConfigs, ...replicationQuotaConfigs }
const tables: readonly ConfigTable[] = [brokerTable, topicConfigs, groupConfigs, clientMetricsConfigs, odradekConfigs]

/** All of src/ but the tables themselves, and the rules, which compare many settings that nothing acts on. */
const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !/^config\/(broker\/|[a-z-]*configs\.ts|broker-rules\.ts)/.test(name))
  .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
  .join('\n')

/** Obeyed by the rules: what asks for more than one node is refused. */
const obeyedByRules = ['process.roles', 'controller.quorum.voters', 'controller.quorum.bootstrap.servers']

const isRead = (name: string): boolean => source.includes(`'${name}'`)

describe('the effect of a config', () => {
  it('is obeyed, or has a reason why not', () => {
    for (const table of tables)
      for (const [name, { effect }] of Object.entries(table))
        if (effect !== 'obeyed') expect(effect.noEffect.length, name).toBeGreaterThan(10)
  })

  it('has no reason that no config needs', () => {
    const used = new Set(tables.flatMap((table) => Object.values(table).map(({ effect }) => effect)))
    expect(Object.entries(notYet).filter(([, reason]) => !used.has(reason))).toEqual([])
  })

  it('is obeyed only where something reads it', () => {
    const asTopicDefault = new Set(
      Object.entries(topicConfigs as ConfigTable)
        .filter(([name]) => isRead(name))
        .flatMap(([, { brokerSynonyms }]) => brokerSynonyms),
    )
    const unread = tables.flatMap((table) =>
      Object.entries(table)
        .filter(([name, { effect }]) => effect === 'obeyed' && !isRead(name) && !obeyedByRules.includes(name))
        .filter(([name]) => table !== brokerTable || !asTopicDefault.has(name))
        .map(([name]) => name),
    )
    expect(unread).toEqual([])
  })
})

describe('docs/generate', () => {
  it('finds the committed pages up to date', () => {
    expect(outdatedPages(join(root, 'docs'), false)).toEqual([])
  })

  it('names the pages that are not, and writes them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'odradek-docs-'))
    try {
      expect(outdatedPages(folder, false)).toContain('docs/configs.md')
      expect(readdirSync(folder)).toEqual([])
      outdatedPages(folder, true)
      expect(outdatedPages(folder, false)).toEqual([])
      const page = readFileSync(join(folder, 'configs.md'), 'utf8')
      for (const table of tables) for (const name of Object.keys(table)) expect(page).toContain(`| \`${name}\` |`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
