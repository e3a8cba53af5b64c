/** The cases are those of Kafka's SslPrincipalMapperTest. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { subjectOf } from '../../../src/security/tls/distinguished-name.ts'
import { javaTrustStore } from '../../../src/security/tls/java-stores.ts'
import { PrincipalMapping } from '../../../src/security/tls/principal-mapping.ts'

const nameOf = (rules: string, subject: string) => new PrincipalMapping(rules).nameOf(subject)

describe('ssl.principal.mapping.rules', () => {
  const rules = [
    'RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L',
    'RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L',
    'RULE:^cn=(.*?),ou=(.*?),dc=(.*?),dc=(.*?)$/$1@$2/U',
    'RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U',
    'DEFAULT',
  ].join(', ')

  it.each([
    ['CN=Duke,OU=ServiceUsers,O=Org,C=US', 'duke'],
    ['CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US', 'duke@sme'],
    ['cn=duke,ou=sme,dc=mycp,dc=com', 'DUKE@SME'],
    ['cN=duke,OU=JavaSoft,O=Sun Microsystems', 'DUKE'],
    ['OU=JavaSoft,O=Sun Microsystems,C=US', 'OU=JavaSoft,O=Sun Microsystems,C=US'],
  ])('make %s to %s', (subject, name) => {
    expect(nameOf(rules, subject)).toBe(name)
  })

  it('may have commas and escapes inside', () => {
    expect(nameOf('RULE:^CN=((\\\\, *|\\w)+)(,.*|$)/$1/,DEFAULT', 'CN=Tkac\\, Adam,OU=ITZ,DC=geodis,DC=cz')).toBe(
      'Tkac\\, Adam',
    )
    expect(nameOf('RULE:^CN=([^,ADEFLTU,]+)(,.*|$)/$1/', 'CN=x,DEFAULT')).toBe('x')
  })

  it('take a group that is not there literally, and two digits where there are as many groups', () => {
    expect(nameOf('RULE:^CN=(.*)$/$1-$2/', 'CN=a')).toBe('a-$2')
    expect(nameOf('RULE:^CN=(.*)$/$12/', 'CN=a')).toBe('a2')
    expect(nameOf('RULE:^CN=(.*)$/\\$1/', 'CN=a')).toBe('$1')
  })

  it('that all fail leave nobody', () => {
    expect(nameOf('RULE:^CN=(.*)$/$1/', 'OU=x')).toBeUndefined()
    expect(nameOf(' , ,', 'OU=x')).toBeUndefined()
  })

  it.each([
    'default',
    'DEFAUL',
    'DEFAULT/L',
    'DEFAULT/U',
    'RULE:CN=(.*?),OU=ServiceUsers.*/$1',
    'rule:^CN=(.*?),OU=ServiceUsers.*$/$1/',
    'RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L/U',
    'RULE:^CN=(.*?),OU=ServiceUsers.*$/L',
    'RULE:^CN=(.*?),OU=ServiceUsers.*$/LU',
    'RULE:(/x/',
  ])('are refused: %s', (text) => {
    expect(() => new PrincipalMapping(text)).toThrow('Invalid rule')
  })

  it('are any text: read, or refused with a ConfigError', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'RULE:/DFAT,\\$1(.*)LU ') }), (text) => {
        try {
          new PrincipalMapping(text).nameOf('CN=a,OU=b')
        } catch (error) {
          expect((error as Error).message).toContain('Invalid rule')
        }
      }),
    )
  })
})

describe('the subject of a certificate', () => {
  it('is written as Java writes it', async () => {
    const trust = readFileSync(new URL('../stores/trust.p12', import.meta.url))
    const subjects = (await javaTrustStore(trust, 'store-secret')).map((pem) => subjectOf(new X509Certificate(pem)))
    expect(subjects.sort()).toEqual(['CN=ec.example,OU=Tests,O=Odradek', 'CN=rsa.example,OU=Tests,O=Odradek'])
  })

  it('has escapes, numbers for attributes without a name, and several values in one place', () => {
    // openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -multivalue-rdn
    //   -subj '/C=CZ/O=A, "B" & Söhne/OU=x+UID=u1/emailAddress=a@b.c/CN=#1; last '
    const pem = readFileSync(new URL('../stores/subject.pem', import.meta.url))
    expect(subjectOf(new X509Certificate(pem))).toBe(
      'CN=\\#1\\; last\\ ,1.2.840.113549.1.9.1=#16056140622e63,OU=x+UID=u1,O=A\\, \\"B\\" & Söhne,C=CZ',
    )
  })
})
