// interop: what Kafka's tools say, line by line: recorded once from Apache Kafka, with its version, and compared on any other broker.
import { readFileSync, writeFileSync } from 'node:fs'
import { assertEqual } from '../scenarios/report.ts'
import type { Run } from '../scenarios/run.ts'

export type Said = { exit: number; lines: string[] }

export class RecordedLines {
  readonly #fixture: URL
  readonly #isRecording = process.env.RECORD === 'true'
  readonly #kafka: string
  readonly #said: Record<string, Said>

  constructor(fixture: URL, { broker }: Run) {
    if (this.#isRecording && !broker.name.startsWith('Apache Kafka')) throw new Error('only --kafka is recorded')
    this.#fixture = fixture
    const { kafka, said }: { kafka: string; said: Record<string, Said> } = this.#isRecording
      ? { kafka: broker.name.replace('Apache Kafka ', ''), said: {} }
      : JSON.parse(readFileSync(fixture, 'utf8'))
    this.#kafka = kafka
    this.#said = said
  }

  /** Takes it, or fails where it is not what was recorded under `name`. */
  take(name: string, said: Said): void {
    if (this.#isRecording) this.#said[name] = said
    else assertSame(said, this.#said[name])
  }

  /** Writes what was recorded. */
  save(): void {
    if (!this.#isRecording) return
    writeFileSync(this.#fixture, `${JSON.stringify({ kafka: this.#kafka, said: this.#said }, null, 2)}\n`)
  }
}

function assertSame(said: Said, recorded: Said | undefined): void {
  if (recorded === undefined) throw new Error('it was not recorded')
  for (let line = 0; line < Math.max(said.lines.length, recorded.lines.length); line++)
    assertEqual(said.lines[line], recorded.lines[line], `line ${line + 1}`)
  assertEqual(said.exit, recorded.exit, 'exit status')
}
