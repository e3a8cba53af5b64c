/**
 * config: values that stand elsewhere (KIP-297): `${env:NAME}`, `${file:/path:key}`, `${dir:/path:file}`, by the aliases that
 * `config.providers` names. Kafka's own three providers are known; of static configs, as they are read at the start.
 */
import { ConfigError } from './config-error.ts'
import { parseProperties } from './properties.ts'

export interface ProviderSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The text of a file. @throws what the system says */
  readFile(path: string): string
}

/** What stands for a key under a path; undefined: nothing. @throws ConfigError */
type Provider = (path: string, key: string) => string | undefined
type Parameters = (name: string) => string | undefined

/** Kafka's classes, by the end of their names. */
const providers: Readonly<Record<string, (surroundings: ProviderSurroundings, parameter: Parameters) => Provider>> = {
  EnvVarConfigProvider: environmentProvider,
  FileConfigProvider: fileProvider,
  DirectoryConfigProvider: directoryProvider,
}

/** provider : path : key, of which the path may be missing. Source: Kafka's ConfigTransformer. */
const variable = /\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}/g

export const providerPrefix = 'config.providers.'

/**
 * What puts values in place of variables; those of no provider, or without a value, stay as they are.
 * @param text what is set for a name @throws ConfigError for a provider that is not known
 */
export function variableResolver(
  text: (name: string) => string | undefined,
  surroundings: ProviderSurroundings,
): (value: string) => string {
  const byAlias = new Map<string, Provider>()
  for (const alias of (text('config.providers') ?? '').split(',').map((each) => each.trim())) {
    if (alias === '') continue
    const className = text(`${providerPrefix}${alias}.class`)
    const make = className === undefined ? undefined : providers[className.trim().split('.').at(-1)!]
    if (make === undefined) {
      throw new ConfigError(
        `${providerPrefix}${alias}.class=${className ?? ''} names a Java class, which can't be loaded: ${Object.keys(providers).join(', ')} are known.`,
      )
    }
    byAlias.set(
      alias,
      make(surroundings, (name) => text(`${providerPrefix}${alias}.param.${name}`)),
    )
  }
  if (byAlias.size === 0) return (value) => value
  return (value) =>
    value.replace(variable, (whole, alias: string, path: string | undefined, key: string) => {
      return byAlias.get(alias)?.(path ?? '', key) ?? whole
    })
}

function environmentProvider({ environment }: ProviderSurroundings, parameter: Parameters): Provider {
  const allowed = parameter('allowlist.pattern')
  const pattern = allowed === undefined ? /^/ : new RegExp(`^(?:${allowed})$`)
  return (path, key) => {
    if (path !== '') {
      throw new ConfigError(`Path is not supported for EnvVarConfigProvider, invalid value '${path}'`)
    }
    return pattern.test(key) ? environment[key] : undefined
  }
}

function fileProvider({ readFile }: ProviderSurroundings, parameter: Parameters): Provider {
  const isAllowed = allowedPaths(parameter)
  return (path, key) => {
    if (path === '' || !isAllowed(path)) return undefined
    try {
      return parseProperties(readFile(path)).get(key)
    } catch (error) {
      throw new ConfigError(`Could not read properties from file ${path}: ${(error as Error).message}`)
    }
  }
}

/** Each file is a value, whole. */
function directoryProvider({ readFile }: ProviderSurroundings, parameter: Parameters): Provider {
  const isAllowed = allowedPaths(parameter)
  return (path, key) => {
    if (path === '' || key === '' || /[/\\]/.test(key) || !isAllowed(path)) return undefined
    try {
      return readFile(`${path.replace(/\/$/, '')}/${key}`)
    } catch {
      return undefined // as of a key that is not there
    }
  }
}

/** Files and directories below those of `allowed.paths`, where that is set. */
function allowedPaths(parameter: Parameters): (path: string) => boolean {
  const allowed = parameter('allowed.paths')
  if (allowed === undefined) return () => true
  const roots = allowed.split(',').map((root) => root.trim().replace(/\/$/, ''))
  return (path) => !path.split('/').includes('..') && roots.some((root) => path === root || path.startsWith(`${root}/`))
}
