/**
 * `npm run vectors -- FILE...`: checks files of official vectors (README.md beside this file tells their form), ours or any other.
 * Prints each mismatch in a line, and last `N passed, N failed`; exits 1 when one failed.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { type BatchVector, checkBatches } from './batches.ts'
import { checkMessage, type MessageVector } from './messages.ts'

export interface VectorResult {
  /** Which vector: `FetchRequest v12`, or what a batch vector says of itself. */
  readonly name: string
  readonly line: number
  /** Empty when it passes. */
  readonly problems: readonly string[]
}

/** The lines of a `.jsonl` or `.jsonl.gz` file. */
export function readVectors(path: string): string[] {
  const content = readFileSync(path)
  const text = content[0] === 0x1f && content[1] === 0x8b ? gunzipSync(content) : content
  return text.toString('utf8').split('\n')
}

export function* checkVectors(lines: readonly string[]): Generator<VectorResult> {
  for (const [index, line] of lines.entries()) {
    if (line.trim() !== '') yield { line: index + 1, ...checkLine(line) }
  }
}

function checkLine(line: string): { name: string; problems: readonly string[] } {
  let name = 'not a vector'
  try {
    const vector = JSON.parse(line) as MessageVector | BatchVector
    if ('batches' in vector) {
      name = vector.what
      return { name, problems: checkBatches(vector) }
    }
    name = `${vector.api} v${vector.version}`
    return { name, problems: checkMessage(vector) }
  } catch (error) {
    return { name, problems: [String(error)] }
  }
}

function main(paths: readonly string[]): void {
  if (paths.length === 0) {
    console.error('usage: npm run vectors -- FILE...')
    process.exitCode = 2
    return
  }
  let passed = 0
  let failed = 0
  for (const path of paths) {
    for (const { name, line, problems } of checkVectors(readVectors(path))) {
      if (problems.length === 0) passed += 1
      else failed += 1
      for (const problem of problems) console.log(`${path}:${line}: ${name}: ${problem}`)
    }
  }
  console.log(`${passed} passed, ${failed} failed`)
  if (failed > 0 || passed === 0) process.exitCode = 1
}

if (import.meta.filename === process.argv[1]) main(process.argv.slice(2))
