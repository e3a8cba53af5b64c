/**
 * security: the subject of a certificate as RFC 2253 writes it, which is how Java's X500Principal does and hence what Kafka's principals
 * and mapping rules are about: `CN=duke,OU=ServiceUsers,O=Org,C=US`.
 */
import type { X509Certificate } from 'node:crypto'
import { createRequire } from 'node:module'
import type { asn1 } from 'node-forge'

type Forge = typeof import('node-forge')

const require = createRequire(import.meta.url)

/** Attributes that have a name in RFC 2253; others are written as their number, with their value's bytes. */
const keywords: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
}
/** Of TBSCertificate: serial number, signature, issuer, validity, subject, with the version tagged [0] before them. */
const subjectIndex = 4
const contextSpecific = 0x80

export function subjectOf(certificate: X509Certificate): string {
  const forge = require('node-forge') as Forge
  const fields = childrenOf(childrenOf(forge.asn1.fromDer(certificate.raw.toString('latin1')))[0]!)
  const hasVersion = fields[0]!.tagClass === contextSpecific
  const names = childrenOf(fields[hasVersion ? subjectIndex + 1 : subjectIndex]!)
  const written = names.map((name) =>
    childrenOf(name)
      .map((attribute) => writeAttribute(forge, attribute))
      .join('+'),
  )
  return written.reverse().join(',')
}

function childrenOf({ value }: asn1.Asn1): asn1.Asn1[] {
  return value as asn1.Asn1[]
}

function writeAttribute(forge: Forge, attribute: asn1.Asn1): string {
  const [type, value] = childrenOf(attribute) as [asn1.Asn1, asn1.Asn1]
  const id = forge.asn1.derToOid(type.value as string)
  const keyword = keywords[id]
  if (keyword === undefined) return `${id}=#${forge.asn1.toDer(value).toHex()}`
  // BMP strings are decoded by the library, the others are bytes.
  const text = value.value as string
  const isBmp = value.type === forge.asn1.Type.BMPSTRING
  return `${keyword}=${escaped(isBmp ? text : Buffer.from(text, 'latin1').toString('utf8'))}`
}

function escaped(value: string): string {
  return value
    .replace(/[,+<>;"\\]/g, '\\$&')
    .replace(/^[# ]/, '\\$&')
    .replace(/ $/, '\\ ')
}
