output "memberships" {
  value = provider::kantata::memberships({
    "340001" = ["jane@example.com", "amir@example.com"]
    "340002" = ["jane@example.com", 12000003]
  })
}
