/** Test helpers of the dump room: Kafka's own data directory in memory, and a dump as a list of entries. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { dumpLog } from '../../src/dump/dump-log.ts'
import type { Entry, EntryWriter } from '../../src/dump/entry.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'

const fixtures = fileURLToPath(new URL('../fixtures/kafka-4.3.1', import.meta.url))

/** Every file of the directory that Kafka 4.3.1 left, by its path in it. */
export function kafkaFiles(): Map<string, Buffer> {
  const target = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-dump-'))
  try {
    execFileSync('tar', ['xzf', `${fixtures}/data-dir-4.3.1.tar.gz`, '-C', target])
    const root = path.join(target, 'data')
    const found = new Map<string, Buffer>()
    for (const name of fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
      const file = path.join(root, name)
      if (fs.statSync(file).isFile()) found.set(name.replaceAll(path.sep, '/'), fs.readFileSync(file))
    }
    return found
  } finally {
    fs.rmSync(target, { recursive: true, force: true })
  }
}

/** What `org.apache.kafka.tools.DumpLogSegments` of 4.3.1 printed. */
export function kafkaOutput(name: string): string[] {
  return fs.readFileSync(`${fixtures}/${name}`, 'utf8').split('\n')
}

export async function inMemory(contents: Iterable<readonly [string, Buffer | string]>): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem()
  for (const [name, content] of contents) {
    await files.makeDirectory(path.posix.dirname(`/data/${name}`))
    await files.replaceFile(`/data/${name}`, content)
  }
  return files
}

export interface Dumped {
  readonly entries: Entry[]
  readonly problems: number
  of(type: string): Entry[]
  /** `file: byte: message` of each problem. */
  messages(): string[]
}

export async function dump(
  files: FileSystem,
  target: string,
  options: { records?: boolean; verify?: boolean } = {},
): Promise<Dumped> {
  const entries: Entry[] = []
  const output: EntryWriter = { write: (entry) => entries.push(entry), isFull: false, drain: async () => {} }
  const { records = false, verify = false } = options
  const problems = await dumpLog(target, { files, output, records, verify })
  const of = (type: string): Entry[] => entries.filter((entry) => entry.type === type)
  const messages = (): string[] =>
    of('problem').map((problem) => `${path.posix.basename(problem.file)}: ${problem.position}: ${problem.message}`)
  return { entries, problems, of, messages }
}
