// A post's address came with the data: it is a link where it is https and of the platform's own host, else no link.
const HOSTS: Record<string, readonly string[]> = {
  instagram: ["instagram.com"],
  youtube: ["youtube.com", "youtu.be"],
  tiktok: ["tiktok.com"],
  facebook: ["facebook.com", "fb.watch"],
  reddit: ["reddit.com", "redd.it"],
};

export function postUrl(platform: string, url: string | null): string | null {
  if (url === null || !URL.canParse(url)) return null;
  const { protocol, hostname, port, username, password, href } = new URL(url);
  if (protocol !== "https:" || port || username || password) return null;
  const known = HOSTS[platform]?.some((host) => hostname === host || hostname.endsWith(`.${host}`));
  return known ? href : null;
}
