import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { brokerConfigs } from '../../src/config/broker-configs.ts'
import { clientMetricsConfigs } from '../../src/config/client-metrics-configs.ts'
import type { ConfigTable } from '../../src/config/config-definition.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { groupConfigs } from '../../src/config/group-configs.ts'
import { topicConfigs } from '../../src/config/topic-configs.ts'
import { formatDouble, formatText, formatValue, parseValue } from '../../src/config/values.ts'

const tables: Record<string, ConfigTable> = {
  broker: brokerConfigs,
  topic: topicConfigs,
  group: groupConfigs,
  clientMetrics: clientMetricsConfigs,
}

type Row = [table: string, name: string, type: string, valid: string | null, results: Record<string, string>]
const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/config/value-checks-4.3.1.json', import.meta.url), 'utf8'),
) as { rows: Row[] }

function outcome(table: string, name: string, text: string): string {
  const definition = tables[table]![name]!
  try {
    const value = formatText(name, definition, text)
    return `OK ${definition.type === 'PASSWORD' ? '[hidden]' : value}`
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message
  }
}

/** Where a value is right for Kafka is another question than here: no Java class can be loaded, and duplicates are dropped before the check. */
const differs = (type: string, message: string): boolean =>
  (type === 'CLASS' && message.endsWith('could not be found.')) || message.endsWith('values must not be duplicated.')

describe('config values', () => {
  it("takes and refuses what Kafka's ConfigDef does, in its words", () => {
    const wrong: string[] = []
    let compared = 0
    for (const [table, name, type, , results] of recorded.rows)
      for (const [text, expected] of Object.entries(results)) {
        if (differs(type, expected)) continue
        compared++
        const actual = outcome(table, name, text)
        if (actual !== expected) wrong.push(`${table} ${name}=${text}: ${actual}, Kafka: ${expected}`)
      }
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(3000)
  })

  it("has every key of Kafka 4.3.1 with its type and Kafka's words for its range", () => {
    for (const [table, name, type] of recorded.rows) expect(tables[table]![name], name).toMatchObject({ type })
    for (const [name, rows] of Object.entries(tables))
      expect(Object.keys(rows)).toHaveLength(recorded.rows.filter(([table]) => table === name).length)
    for (const [table, name, , valid] of recorded.rows)
      if (valid && valid !== 'non-empty list') expect(tables[table]![name]!.valid?.text, name).toBe(valid)
  })

  it('accepts each of its own defaults, written and read again', () => {
    for (const table of Object.values(tables))
      for (const [name, definition] of Object.entries(table)) {
        const text = formatValue(definition.type, definition.default)
        if (text !== null) expect(parseValue(name, definition, text), name).toEqual(definition.default)
      }
  })

  it('drops what a list names twice', () => {
    expect(parseValue('log.dirs', brokerConfigs['log.dirs'], '/a, /b,/a')).toEqual(['/a', '/b'])
  })

  it.each([
    [0.5, '0.5'],
    [1, '1.0'],
    [-3, '-3.0'],
    [1e7, '1.0E7'],
    [12_345_678.5, '1.23456785E7'],
    [9_999_999, '9999999.0'],
    [0.001, '0.001'],
    [0.00025, '2.5E-4'],
    [0, '0.0'],
    [Number.MAX_VALUE, '1.7976931348623157E308'],
    [Number.NaN, 'NaN'],
  ])('writes %d as Java does', (value, text) => {
    expect(formatDouble(value)).toBe(text)
  })
})
