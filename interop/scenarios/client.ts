// interop: the runner's side of the wire: starts a client's agent, sends it calls, and ends it.
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { AgentError, Codec, MethodName, RequestOf, ResponseOf } from './wire.ts'

/** Where run.sh put what the clients need. */
export type Installed = { modules: string; jars: string; classes: string }

/** What a client is, and what it cannot do (each with the reason, which its FINDINGS.md explains). */
export type ClientDescription = {
  name: string
  /** Why it cannot run on this machine, or undefined. */
  missing(installed: Installed): string | undefined
  command(installed: Installed, bootstrap: string): { file: string; args: string[]; env?: Record<string, string> }
  codecs: readonly Codec[]
  /** The classic assignors that it has, by the name it joins with. */
  assignors: readonly string[]
  staticMembers: boolean
  /** Whether members may subscribe to a topic that is not there yet, and let go of one that is gone. */
  followsTopics: { appearing: boolean; disappearing: boolean }
  allowances: Allowances
}

/** Kinds of record (scenarios/records.ts) that a client writes or reads otherwise than it was asked to. */
export type Allowances = {
  /** Kinds that it has no way to write. */
  cannotWrite: Partial<Record<string, string>>
  /** Kinds that it hands over changed. */
  readsAs: Partial<Record<string, { nullHeaderValue?: string; reason: string }>>
}

export class AgentFailure extends Error {
  readonly code: number | undefined
  constructor(error: AgentError) {
    super(error.message)
    this.code = error.code
  }
}

export class Client {
  readonly description: ClientDescription
  readonly #process: ChildProcess
  readonly #pending = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void; timer: NodeJS.Timeout }
  >()
  #methods = new Set<string>()
  #nextId = 1
  #ended: string | undefined
  readonly #exited: Promise<void>

  private constructor(description: ClientDescription, process: ChildProcess, ready: () => void, logFile: string) {
    this.description = description
    this.#process = process
    const log = createWriteStream(logFile)
    process.stderr!.pipe(log)
    this.#exited = new Promise((resolve) => {
      const end = (how: string) => {
        this.#ended = how
        for (const call of this.#pending.values()) {
          clearTimeout(call.timer)
          call.reject(new Error(`the agent ended (${how}); its log: ${logFile}`))
        }
        this.#pending.clear()
        ready()
        resolve()
      }
      process.on('error', (error) => end(error.message))
      process.on('exit', (code, signal) => end(`exit ${code ?? signal}`))
    })
    createInterface({ input: process.stdout! }).on('line', (line) => {
      let message: { id?: number; result?: unknown; error?: AgentError; ready?: string[] }
      try {
        message = JSON.parse(line)
      } catch {
        log.write(`stdout: ${line}\n`)
        return
      }
      if (message.ready) {
        this.#methods = new Set(message.ready)
        ready()
        return
      }
      const call = this.#pending.get(message.id ?? 0)
      if (!call) return
      this.#pending.delete(message.id ?? 0)
      clearTimeout(call.timer)
      if (message.error) call.reject(new AgentFailure(message.error))
      else call.resolve(message.result)
    })
    process.stdin!.on('error', () => {})
  }

  static async start(
    description: ClientDescription,
    installed: Installed,
    bootstrap: string,
    logDirectory: string,
  ): Promise<Client> {
    const { file, args, env } = description.command(installed, bootstrap)
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, INTEROP_MODULES: installed.modules, UV_THREADPOOL_SIZE: '16', ...env },
    })
    let ready = () => {}
    const isReady = new Promise<void>((resolve) => {
      ready = resolve
    })
    const client = new Client(description, child, () => ready(), `${logDirectory}/${description.name}.log`)
    await isReady
    if (client.#ended) throw new Error(`${description.name}'s agent did not start: ${client.#ended}`)
    return client
  }

  get name(): string {
    return this.description.name
  }

  can(...methods: MethodName[]): boolean {
    return methods.every((method) => this.#methods.has(method))
  }

  call<M extends MethodName>(method: M, request: RequestOf<M>, limitMs = 45_000): Promise<ResponseOf<M>> {
    if (this.#ended) return Promise.reject(new Error(`the agent has ended (${this.#ended})`))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        reject(new Error(`no answer to ${method} within ${limitMs / 1000} s`))
      }, limitMs)
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, timer })
      this.#process.stdin!.write(`${JSON.stringify({ id, method, request })}\n`)
    })
  }

  /** Ends the agent: closing its stdin is the request, SIGKILL the answer to not obeying. */
  async close(): Promise<void> {
    this.#process.stdin!.end()
    const timer = setTimeout(() => this.kill(), 5000)
    await this.#exited
    clearTimeout(timer)
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }
}
