// interop: how the agents that are TypeScript are started.
import type { ClientDescription, Installed } from './client.ts'

export const nodeAgent =
  (agent: string): ClientDescription['command'] =>
  (_installed: Installed, bootstrap: string) => ({
    file: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), agent, bootstrap],
  })
