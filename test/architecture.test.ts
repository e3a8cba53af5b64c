import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = dirname(import.meta.dirname)

/** Room (`src/log/`, `protocol/errors.ts`) to what it may import, from the table in ARCHITECTURE.md. */
const rooms = new Map<string, string[]>()
const base: string[] = []
const architecture = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
for (const line of architecture.split('\n')) {
  const named = (cell: string): string[] => [...cell.matchAll(/`((?:src|protocol)\/[^`]*)`/g)].map((match) => match[1]!)
  if (line.startsWith('**base**')) base.push(...named(line))
  const cells = /^\| `([^`]+)` \|[^|]*\|([^|]*)\|$/.exec(line)
  if (cells === null) continue
  const imports = named(cells[2]!)
  if (/(^|\s)base(\s|$)/.test(cells[2]!)) imports.push('base')
  rooms.set(cells[1]!, imports)
}

/** They build the rooms, may import all, and are imported by none. */
const roots = ['src/broker.ts', 'src/main.ts', 'src/compaction-thread.ts', 'protocol/index.ts']

const sources = ['src', 'protocol'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
)

const roomOf = (file: string): string | undefined => [...rooms.keys()].find((room) => file.startsWith(room))

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!)
  return specifiers.map((specifier) => relative(root, join(root, dirname(file), specifier)))
}

describe('the map in ARCHITECTURE.md', () => {
  it('is read', () => {
    expect(rooms.size).toBeGreaterThan(15)
    expect(base.length).toBeGreaterThan(3)
  })

  it('has a room for every file', () => {
    expect(sources.filter((file) => !roots.includes(file) && roomOf(file) === undefined)).toEqual([])
  })

  it('names the rooms that are still empty', () => {
    const line = /^Rooms that are planned and still empty: (.*?)\. /m.exec(architecture)?.[1] ?? ''
    const empty = [...rooms.keys()].filter((room) => !sources.some((file) => file.startsWith(room)))
    expect(line.split(', ').filter(Boolean)).toEqual(empty.map((room) => `\`${room}\``))
  })

  it('allows every import', () => {
    const breaches: string[] = []
    for (const file of sources.filter((each) => !roots.includes(each))) {
      const room = roomOf(file)!
      const allowed = rooms.get(room)!.flatMap((each) => (each === 'base' ? base : [each]))
      for (const imported of importsOf(file)) {
        const ok = imported.startsWith(room) || allowed.some((each) => imported.startsWith(each.replace(/\.ts$/, '')))
        if (!ok) breaches.push(`${file} imports ${imported}`)
      }
    }
    expect(breaches).toEqual([])
  })
})

/** A library is files; of one of them it reads the bytes itself. */
const libraryLoader = 'protocol/records/native-module.ts'

describe('the sources', () => {
  const banned: [what: string, pattern: RegExp, except: (file: string) => boolean][] = [
    ['Math.random', /Math\.random/, (file) => file.startsWith('src/runtime/')],
    ['process.env', /process\.env/, (file) => file === 'src/main.ts'],
    ['node:fs', /'node:fs/, (file) => file.startsWith('src/runtime/') || file === libraryLoader],
    ['unfinished work', /\b(FIXME|TODO|XXX)\b/, () => false],
  ]

  it.each(banned)('hold no %s where it does not belong', (_what, pattern, except) => {
    const found = sources.filter((file) => !except(file) && pattern.test(readFileSync(join(root, file), 'utf8')))
    expect(found).toEqual([])
  })

  it('open with a sentence that says what the file owns', () => {
    const silent = sources.filter((file) => {
      const text = readFileSync(join(root, file), 'utf8').replace(/^#!.*\n/, '')
      return !text.startsWith('/**') && !file.startsWith('protocol/messages/')
    })
    expect(silent).toEqual([])
  })
})
