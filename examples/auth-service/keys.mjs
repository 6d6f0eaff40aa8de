// Signing keys: one signs, the next is already published, those before stay published until the
// last token that they signed has expired.

import { createHash, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

/** Whoever reads the key set tries a handful of keys, not hundreds. */
const RETIRED_MAX = 16;

const KINDS = {
  EdDSA: { generate: () => generateKeyPairSync("ed25519"), digest: null, members: ["crv", "kty", "x"] },
  ES256: {
    generate: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    digest: "sha256",
    members: ["crv", "kty", "x", "y"],
  },
};

/** Keys that tokens still need are not thrown away to make place. */
export class TooManyKeys extends Error {}

export class Keys {
  #kind;
  #algorithm;
  #ttl;
  #current;
  #next;
  #retired = [];

  /** `algorithm` is EdDSA or ES256; no token lives longer than `ttl` seconds. */
  constructor(algorithm, ttl) {
    if (!Object.hasOwn(KINDS, algorithm)) {
      throw new Error(`ALGORITHM=${algorithm} is not one of ${Object.keys(KINDS).join(", ")}`);
    }
    this.#algorithm = algorithm;
    this.#kind = KINDS[algorithm];
    this.#ttl = ttl;
    this.#current = this.#generate();
    this.#next = this.#generate();
  }

  /** A compact JWS (RFC 7515) over the claims. */
  sign(claims) {
    const { kid, privateKey } = this.#current;
    const header = { alg: this.#algorithm, typ: "JWT", kid };
    const input = [header, claims].map((part) => base64url(JSON.stringify(part))).join(".");
    // JWS wants r and s of an ECDSA signature side by side; for Ed25519 it means nothing.
    const key = { key: privateKey, dsaEncoding: "ieee-p1363" };
    return `${input}.${base64url(sign(this.#kind.digest, Buffer.from(input), key))}`;
  }

  /** The JWKs (RFC 7517). The next one is among them, so that a reader who fetches rarely knows it
   * before the first token that it signs. */
  published(now) {
    this.#retired = this.#retired.filter(({ until }) => until > now);
    return [this.#current, this.#next, ...this.#retired].map(({ jwk }) => jwk);
  }

  /** The next key signs from here on; answers its name. */
  rotate(now) {
    this.published(now);
    if (this.#retired.length >= RETIRED_MAX) {
      throw new TooManyKeys(`${RETIRED_MAX} keys are still needed by tokens; try again later`);
    }
    this.#retired.push({ ...this.#current, privateKey: undefined, until: now + this.#ttl });
    this.#current = this.#next;
    this.#next = this.#generate();
    return this.#current.kid;
  }

  #generate() {
    const { privateKey } = this.#kind.generate();
    const jwk = createPublicKey(privateKey).export({ format: "jwk" });
    // The thumbprint of RFC 7638: the required members, in the order of their names.
    const members = Object.fromEntries(this.#kind.members.map((name) => [name, jwk[name]]));
    const kid = createHash("sha256").update(JSON.stringify(members)).digest("base64url");
    return { kid, privateKey, jwk: { ...jwk, kid, use: "sig", alg: this.#algorithm } };
  }
}

function base64url(data) {
  return Buffer.from(data).toString("base64url");
}
