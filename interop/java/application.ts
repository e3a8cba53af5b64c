// interop: a Java program of its own process beside the agent: something that is built on Kafka's clients and may be killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Installed } from '../scenarios/client.ts'

export type Places = { installed: Installed; directory: string; running: { kill(): void }[] }

/** `log`: its name in the run's directory, where both output streams are appended. */
export function startApplication(
  { installed, directory, running }: Places,
  log: string,
  main: string,
  args: readonly string[],
): ChildProcess {
  const output = openSync(`${directory}/${log}.log`, 'a')
  const levels = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
  const vm = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', levels]
  const classPath = ['-cp', `${installed.classes}:${installed.jars}/*`]
  const child = spawn('java', [...vm, ...classPath, main, ...args], { stdio: ['ignore', output, output] })
  closeSync(output)
  running.push({ kill: () => child.kill('SIGKILL') })
  return child
}

export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}
