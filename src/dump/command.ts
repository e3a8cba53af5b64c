/** dump: the command `odradek dump-log`: its flags, and its output, which waits for its reader. */
import path from 'node:path'
import type { Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { nodeFileSystem } from '../runtime/node-file-system.ts'
import { dumpLog } from './dump-log.ts'
import type { Entry, EntryWriter } from './entry.ts'
import { renderJson, renderText } from './render.ts'

const help = `odradek dump-log FILE|DIR [--records] [--json] [--verify]

Shows what lies in Kafka's files, this broker's or Apache Kafka's own:
  .log                              batches; with --records each record
  .index .timeindex .txnindex       entries
  .snapshot                         producers
  .checkpoint                       snapshots of the metadata log
  leader-epoch-checkpoint, meta.properties, partition.metadata, quorum-state, *-offset-checkpoint
A partition's directory: all of its files. A log directory: its own files, then its partitions with offsets, sizes and
segments; with --records or --verify each partition in full. A topic is known by the name of its directory: records of
__consumer_offsets, __transaction_state, __share_group_state and __cluster_metadata are decoded.

  --records    show each record: offset, timestamp, headers, key, value; "text" in quotes, other bytes as 0x and hex
  --json       one JSON object per line, with Kafka's field names: int64 of ids as strings, bytes as base64
  --verify     show nothing but what is wrong, and at which byte of the file: checksums, order of offsets, sizes, torn
               ends, index entries that contradict the log; with --records read each record too. Exit code 1 if
               anything is
  --help

It only reads and takes no lock. A broker that is running may still be writing: what it has not finished looks torn.
`

const options = {
  records: { type: 'boolean' },
  json: { type: 'boolean' },
  verify: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Written in larger pieces than lines. */
const chunkChars = 64 * 1024

/** Resolves with the exit code. @throws Error with one line for the user. */
export async function dumpLogCommand(args: readonly string[], stdout: Writable): Promise<number> {
  const { values, target } = readFlags(args)
  if (values.help || target === undefined) {
    stdout.write(help)
    return 0
  }
  const output = new LineOutput(stdout, values.json ? renderJson : renderText)
  const verify = values.verify ?? false
  try {
    const dump = { files: nodeFileSystem, output, records: values.records ?? false, verify }
    const problems = await dumpLog(path.resolve(target).replaceAll(path.sep, '/'), dump)
    await output.drain()
    return verify && problems > 0 ? 1 : 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0 // its reader, as `head`, has had enough
    await output.drain()
    throw error
  }
}

function readFlags(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    if (!values.help && positionals.length !== 1) throw new Error('it takes one file or directory')
    return { values, target: positionals[0] }
  } catch (error) {
    throw new Error(`${(error as Error).message.split('. ')[0]} (see odradek dump-log --help)`)
  }
}

class LineOutput implements EntryWriter {
  readonly #stream: Writable
  readonly #render: (entry: Entry) => string
  #chunk = ''
  #failure: Error | undefined

  constructor(stream: Writable, render: (entry: Entry) => string) {
    this.#stream = stream
    this.#render = render
    stream.on('error', (error) => {
      this.#failure ??= error
    })
  }

  get isFull(): boolean {
    return this.#chunk.length >= chunkChars
  }

  write(entry: Entry): void {
    this.#chunk += `${this.#render(entry)}\n`
  }

  /** Waits until the stream has taken all that was written. */
  async drain(): Promise<void> {
    const chunk = this.#chunk
    this.#chunk = ''
    if (this.#failure === undefined && chunk !== '') {
      await new Promise<void>((resolve) => {
        this.#stream.write(chunk, (error) => {
          if (error) this.#failure ??= error
          resolve()
        })
      })
    }
    if (this.#failure !== undefined) throw this.#failure
  }
}
