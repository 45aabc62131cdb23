// Questions as people ask them twice: `first | again`. Both want the same answer. Some only change
// their manners, some their words, some everything but what is meant; none was left out because a
// cache could not see through it.

export const paraphrases = `
How do I reset my password? | How can I reset my password?
How do I reset my password? | Hi, could you tell me how to reset my password please?
How do I reset my password? | I forgot my password, what now?
How do I reset my password? | what's the way to reset my password
How do I reset my password? | steps to reset my password
Where can I find my invoices? | Where do I find my invoices?
Where can I find my invoices? | where are my bills located
Where can I find my invoices? | Could you tell me where I can find my invoices?
How do I cancel my subscription? | How can I cancel my subscription?
How do I cancel my subscription? | What is the best way to cancel my subscription?
How do I cancel my subscription? | please tell me how to cancel my subscription
How do I cancel my subscription? | I don't want to pay for this any more, how do I get out?
What is your refund policy? | What's your refund policy?
What is your refund policy? | Can you explain the refund policy?
What is your refund policy? | hello, what is the refund policy
What are your opening hours? | What are your business hours?
What are your opening hours? | what are the opening hours
What are your opening hours? | When are you open?
How long does shipping take? | How long does delivery take?
How long does shipping take? | how long will shipping take please
How long does shipping take? | When will my parcel be here after I order?
How much does express shipping cost? | What is the price of express shipping?
How much does express shipping cost? | How much is express delivery?
How much does express shipping cost? | what does express shipping cost
Do you ship to Canada? | do you deliver to Canada
Do you ship to Canada? | Hi there! Do you ship to Canada?
Do you ship to Canada? | Is Canada one of the countries you send parcels to?
Can I change my delivery address? | Can I update my delivery address?
Can I change my delivery address? | Is it possible to change my delivery address?
Can I change my delivery address? | Am I able to modify the delivery address?
Can I change my delivery address? | I typed the wrong street, can that still be corrected?
How do I track my order? | How can I track an order?
How do I track my order? | how to track my order
How do I track my order? | Where do I see how far my parcel has come?
How do I contact customer service? | How can I contact customer support?
How do I contact customer service? | how do i reach customer service
How do I contact customer service? | What's the best way to get in touch with customer support?
What payment methods do you accept? | Which payment methods do you accept?
What payment methods do you accept? | what payment methods are accepted
What payment methods do you accept? | How may I pay?
Can I pay with PayPal? | Is it possible to pay with PayPal?
Can I pay with PayPal? | could i pay with paypal
Can I pay with PayPal? | Do you take PayPal?
Is my credit card data safe? | is my credit card data safe?
Is my credit card data safe? | Thanks! Is my credit card data safe?
Is my credit card data safe? | Should I worry about typing in my card number?
How do I delete my account? | How can I remove my account?
How do I delete my account? | How do I get rid of my account?
How do I delete my account? | how to erase my account
How do I delete my account? | I want my account gone.
How do I create an account? | How do I sign up?
How do I create an account? | how can I register
How do I create an account? | What are the steps to create an account?
Why was my payment declined? | Why was the payment declined?
Why was my payment declined? | do you know why my payment was declined
Why was my payment declined? | What is the reason my card did not go through?
What is the capital of Australia? | What's the capital city of Australia?
What is the capital of Australia? | Tell me what the capital of Australia is.
What is the capital of Australia? | Which city is Australia's capital?
Who wrote Pride and Prejudice? | Can you tell me who wrote Pride and Prejudice?
Who wrote Pride and Prejudice? | who composed Pride and Prejudice?
Who wrote Pride and Prejudice? | Who is the author of Pride and Prejudice?
What is photosynthesis? | What does photosynthesis mean?
What is photosynthesis? | Define photosynthesis.
What is photosynthesis? | what's the meaning of photosynthesis
What is photosynthesis? | In a few words, how would you describe photosynthesis?
What is the boiling point of water? | what's the boiling point of water?
What is the boiling point of water? | What is water's boiling point?
What is the boiling point of water? | At which temperature does water boil?
How far is the Moon from the Earth? | How far is the moon from earth?
How far is the Moon from the Earth? | do you know how far the Moon is from the Earth
How far is the Moon from the Earth? | What is the distance between the Earth and the Moon?
When did the Berlin Wall fall? | Please tell me when the Berlin Wall fell.
When did the Berlin Wall fall? | What year did the Berlin Wall fall?
When did the Berlin Wall fall? | In which year did the Berlin Wall come down?
How many people live in Tokyo? | How many persons live in Tokyo?
How many people live in Tokyo? | What is the population of Tokyo?
How many people live in Tokyo? | how many people live in tokyo??
What is the difference between HTTP and HTTPS? | What's the difference between HTTPS and HTTP?
What is the difference between HTTP and HTTPS? | what is the difference between http and https
What is the difference between HTTP and HTTPS? | How do HTTP and HTTPS differ?
How do I create a virtual environment in Python? | How can I make a virtual environment in Python?
How do I create a virtual environment in Python? | In Python, how do I create a virtual environment?
How do I create a virtual environment in Python? | how to create a virtual env in python
How do I create a virtual environment in Python? | Python: isolated packages per project, how?
How do I read a file line by line in Go? | In Go, how do I read a file line by line?
How do I read a file line by line in Go? | how can i read a file line by line in Go
How do I read a file line by line in Go? | What's the idiomatic Go for iterating over the lines of a file?
How do I undo the last commit in git? | How can I undo the last git commit?
How do I undo the last commit in git? | how to undo the last commit in git
How do I undo the last commit in git? | I committed too early, how do I take it back?
What is a closure in JavaScript? | What's a closure in JavaScript?
What is a closure in JavaScript? | In JavaScript, what is a closure?
What is a closure in JavaScript? | JavaScript closures, what are they about?
How do I sort a list of dictionaries by a key? | How can I sort a list of dictionaries by a key?
How do I sort a list of dictionaries by a key? | how to sort a list of dictionaries by key
How do I sort a list of dictionaries by a key? | Order dicts in a list by one of their values, how?
What does a 404 error mean? | What is a 404 error?
What does a 404 error mean? | what does a 404 error message mean
What does a 404 error mean? | The page says 404, what is it telling me?
How do I install Docker on Ubuntu? | How can I install Docker on Ubuntu?
How do I install Docker on Ubuntu? | On Ubuntu, how do I install Docker?
How do I install Docker on Ubuntu? | how to set up docker on my ubuntu box
What is a foreign key in a database? | What's a foreign key in a database?
What is a foreign key in a database? | In a database, what is a foreign key?
What is a foreign key in a database? | Explain foreign keys.
How do I exit vim? | How can I exit vim?
How do I exit vim? | how to exit vim
How do I exit vim? | I'm stuck in vim, get me out
How do I increase the font size? | How can I increase the font size?
How do I increase the font size? | How do I make the letters bigger?
How do I increase the font size? | hey, how to increase font size
How do I turn on dark mode? | How do I enable dark mode?
How do I turn on dark mode? | how can I switch on dark mode
How do I turn on dark mode? | How do I activate dark mode?
How do I turn on dark mode? | Is there a black theme somewhere?
How do I export my data as CSV? | How can I export my data as CSV?
How do I export my data as CSV? | how to export data as csv
How do I export my data as CSV? | I need everything of mine in a CSV file.
How do I add a user to my team? | How can I add a user to my team?
How do I add a user to my team? | how do I add users to my team?
How do I add a user to my team? | A new colleague should get access, how?
How do I change my profile picture? | How do I update my profile photo?
How do I change my profile picture? | how can I change the profile picture
How do I change my profile picture? | Want a new avatar, where do I click?
Does the app work offline? | does the application work offline?
Does the app work offline? | Hello, does the app work offline?
Does the app work offline? | Can I use the app without an internet connection?
Is there a student discount? | is there a discount for students
Is there a student discount? | Is there any student discount?
Is there a student discount? | I'm a student, do I pay less?
What is the warranty period? | What is the guarantee period?
What is the warranty period? | what's the warranty period please
What is the warranty period? | How long is the warranty?
What is the status of my order? | What's my order status?
What is the status of my order? | what is the order's status
What is the status of my order? | Any news about what I ordered?
How do I return an item? | How can I return an item?
How do I return an item? | how do i send back an item
How do I return an item? | It does not fit, what do I do with it?
When will I get my refund? | When do I receive my refund?
When will I get my refund? | When will I receive the refund?
When will I get my refund? | How long until the money is back in my account?
Can I return a gift? | Is it possible to return a gift?
Can I return a gift? | May I return a gift?
Can I return a gift? | I was given something I don't like, may it go back?
How do I use a discount code? | How can I use a promo code?
How do I use a discount code? | how to use a voucher code
How do I use a discount code? | Where do I type in my coupon?
What is the minimum order amount? | What's the min order amount?
What is the minimum order amount? | what is the minimum amount of an order
What is the minimum order amount? | For how much do I have to buy at least?
How do I unsubscribe from the newsletter? | How can I unsubscribe from the newsletter?
How do I unsubscribe from the newsletter? | how to unsubscribe from your newsletter
How do I unsubscribe from the newsletter? | Too many mails from you, make it end.
Do you have a store in Boston? | do you have a shop in Boston
Do you have a store in Boston? | Do you have any stores in Boston?
Do you have a store in Boston? | Is there a branch near me in Boston?
Can I speak to a person? | Could I speak to a person?
Can I speak to a person? | Is it possible to speak to a person?
Can I speak to a person? | I want a human, not a bot.
How do I book an appointment? | How can I book an appointment?
How do I book an appointment? | how do I schedule an appointment
How do I book an appointment? | What's the procedure to book an appointment?
How do I book an appointment? | When could somebody see me?
What documents do I need for a passport? | Which documents do I need for a passport?
What documents do I need for a passport? | What documents are required for a passport?
What documents do I need for a passport? | What papers should I bring to get a passport?
How do I apply for a mortgage? | How can I apply for a mortgage?
How do I apply for a mortgage? | could you please tell me how to apply for a mortgage
How do I apply for a mortgage? | We want to buy a house, how do we get a loan?
What is compound interest? | What's compound interest?
What is compound interest? | What does compound interest mean?
What is compound interest? | Explain compound interest to me.
What is the interest rate on savings accounts? | What's the savings account interest rate?
What is the interest rate on savings accounts? | what is the interest rate for a savings account
What is the interest rate on savings accounts? | How much do my savings earn?
How do I block my card? | How can I block my card?
How do I block my card? | how to block my bank card
How do I block my card? | My wallet was stolen, the card must not work any more!
How do I open a savings account? | How can I open a savings account?
How do I open a savings account? | what steps do I need to take to open a savings account
How do I open a savings account? | I'd like to put money aside with you, how does it start?
What are the symptoms of the flu? | What are the signs of the flu?
What are the symptoms of the flu? | what are flu symptoms
What are the symptoms of the flu? | How do I know that I have influenza?
How much water should I drink per day? | how much water should I drink a day?
How much water should I drink per day? | How much water do I need to drink per day?
How much water should I drink per day? | What is the recommended daily intake of water?
How do I lower my blood pressure? | How can I lower my blood pressure?
How do I lower my blood pressure? | What are ways to bring blood pressure down?
How do I lower my blood pressure? | what's the best way to lower my blood pressure
Is coffee bad for the heart? | Hi, is coffee bad for the heart?
Is coffee bad for the heart? | is coffee bad for your heart?
Is coffee bad for the heart? | Does coffee harm the heart?
How do I cook rice? | How can I cook rice?
How do I cook rice? | What's the best way to cook rice?
How do I cook rice? | how to prepare rice
How do I cook rice? | Rice always burns on me, what is the trick?
How long do I boil an egg? | How long should I boil an egg?
How long do I boil an egg? | how long do i boil eggs
How long do I boil an egg? | When is an egg done?
What can I use instead of butter? | What could I use instead of butter?
What can I use instead of butter? | Instead of butter, what can I use?
What can I use instead of butter? | Is there a substitute for butter?
How do I get a coffee stain out of a shirt? | How can I get a coffee stain out of a shirt?
How do I get a coffee stain out of a shirt? | How do I remove a coffee stain from a shirt?
How do I get a coffee stain out of a shirt? | Spilled coffee on my shirt, help!
How do I change a flat tire? | How do I change a flat tyre?
How do I change a flat tire? | how to change a flat tire
How do I change a flat tire? | Steps to swap a punctured wheel?
How do I descale a kettle? | How can I descale a kettle?
How do I descale a kettle? | what is the easiest way to descale a kettle
How do I descale a kettle? | White stuff in my kettle, how does it go away?
Why is the sky blue? | Why is the sky blue??
Why is the sky blue? | Can you tell me why the sky is blue?
Why is the sky blue? | What is the reason that the sky is blue?
Why is the sky blue? | What makes the sky look blue?
What causes earthquakes? | what causes an earthquake?
What causes earthquakes? | I would like to know what causes earthquakes.
What causes earthquakes? | Why do earthquakes happen?
How do vaccines work? | Hi, how do vaccines work?
How do vaccines work? | can you explain how vaccines work
How do vaccines work? | What does a vaccine do in the body?
Who painted the Mona Lisa? | Do you know who painted the Mona Lisa?
Who painted the Mona Lisa? | who painted the mona lisa
Who painted the Mona Lisa? | By whom was the Mona Lisa painted?
How many planets are there in the solar system? | How many planets are in the solar system?
How many planets are there in the solar system? | what is the number of planets in the solar system
How many planets are there in the solar system? | Count the planets of our sun for me.
What language do they speak in Brazil? | Which language do they speak in Brazil?
What language do they speak in Brazil? | what language is spoken in Brazil?
What language do they speak in Brazil? | What do Brazilians speak?
How do I calculate the area of a circle? | How can I compute the area of a circle?
How do I calculate the area of a circle? | how to work out a circle's area
How do I calculate the area of a circle? | What is the formula for the area of a circle?
What is the square root of 144? | What's the square root of 144?
What is the square root of 144? | Tell me the square root of 144.
What is the square root of 144? | Which number times itself gives 144?
How many ounces are in a pound? | How many ounces are there in a pound?
How many ounces are in a pound? | how many ounces in a pound
How many ounces are in a pound? | One pound is how many ounces?
Translate good morning to Spanish | Please translate good morning to Spanish.
Translate good morning to Spanish | translate good morning into Spanish
Translate good morning to Spanish | How do you say good morning in Spanish?
Summarize this article in three sentences | Please summarise this article in 3 sentences.
Summarize this article in three sentences | Sum up this article in three sentences
Summarize this article in three sentences | Give me the gist of this article, three sentences.
Write a polite reminder for an unpaid invoice | Please write a polite reminder for an unpaid invoice
Write a polite reminder for an unpaid invoice | Draft a polite reminder for an unpaid bill.
Write a polite reminder for an unpaid invoice | Someone has not paid us; put that in friendly words.
List the steps to change a light bulb | Please list the steps to change a light bulb.
List the steps to change a light bulb | Enumerate the steps to change a light bulb
List the steps to change a light bulb | How do I change a light bulb, step by step?
How do I connect the printer to WiFi? | How can I connect the printer to wifi?
How do I connect the printer to WiFi? | how do I connect my printer to the WiFi
How do I connect the printer to WiFi? | The printer should be on the wireless network, how?
Why is my laptop so slow? | why is my laptop so slow?
Why is my laptop so slow? | Any idea why my laptop is so slow?
Why is my laptop so slow? | My computer has become sluggish, why?
How do I take a screenshot on a Mac? | How can I take a screenshot on a Mac?
How do I take a screenshot on a Mac? | On a Mac, how do I take a screenshot?
How do I take a screenshot on a Mac? | Mac: capture what is on the screen?
How do I free up disk space? | How can I free up disk space?
How do I free up disk space? | how do I free up some disk space please
How do I free up disk space? | My drive is full.
How do I back up my phone? | How can I back up my phone?
How do I back up my phone? | how to back up my telephone
How do I back up my phone? | I'd like a copy of everything on my phone.
How do I log out of all devices? | How can I sign out of all devices?
How do I log out of all devices? | how to log out of all my devices
How do I log out of all devices? | End every session of mine at once.
Where can I download the app? | Where do I download the app?
Where can I download the app? | from where can I download the application
Where can I download the app? | Which store has your app?
Which browsers are supported? | What browsers are supported?
Which browsers are supported? | which browsers do you support
Which browsers are supported? | Does it run in Firefox, Safari and the like?
How do I enable two-factor authentication? | How can I enable two-factor authentication?
How do I enable two-factor authentication? | How do I turn on two-factor authentication?
How do I enable two-factor authentication? | how do i activate two factor authentication
How do I enable two-factor authentication? | I'd like a second step when I log in.
What is the maximum file size? | What's the max file size?
What is the maximum file size? | what is the maximum size of a file
What is the maximum file size? | How big may a file be?
How do I share a document with my team? | How can I share a document with my team?
How do I share a document with my team? | how to share documents with my team
How do I share a document with my team? | My colleagues should see this document, how?
How do I restore a deleted file? | How can I restore a deleted file?
How do I restore a deleted file? | how do I restore deleted files?
How do I restore a deleted file? | I threw a file away by mistake.
How do I change the language? | How can I change the language?
How do I change the language? | how do I change the language of the app
How do I change the language? | Everything is in English, I need it in French.
What does the premium plan include? | What is included in the premium plan?
What does the premium plan include? | what does the premium plan contain
What does the premium plan include? | What do I get with premium?
How do I upgrade my plan? | How can I upgrade my plan?
How do I upgrade my plan? | how do I upgrade the plan?
How do I upgrade my plan? | I need more than the basic plan.
When is my next payment due? | When's my next payment due?
When is my next payment due? | could you tell me when my next payment is due
When is my next payment due? | On what day do you charge me next?
How do I get an invoice with VAT? | How can I get an invoice with VAT?
How do I get an invoice with VAT? | how do I obtain an invoice with VAT
How do I get an invoice with VAT? | Our accounting needs a bill that shows the tax.
How many days of vacation do I have? | How many vacation days do I have?
How many days of vacation do I have? | how many days of annual leave do I have
How many days of vacation do I have? | What is my holiday allowance?
How do I file an expense report? | How can I file an expense report?
How do I file an expense report? | what is the process to file an expense report
How do I file an expense report? | I paid for a hotel myself, how do I get it back?
Who approves travel requests? | who approves the travel requests?
Who approves travel requests? | Can anyone tell me who approves travel requests?
Who approves travel requests? | Whose signature do I need before I travel?
What is the dress code? | What's the dress code?
What is the dress code? | what is your dress code
What is the dress code? | What should I wear to work?
How do I connect to the VPN? | How can I connect to the VPN?
How do I connect to the VPN? | how to connect to the company VPN
How do I connect to the VPN? | I am at home and need the office network.
Where is the meeting room on the second floor? | Where's the meeting room on the second floor?
Where is the meeting room on the second floor? | On the second floor, where is the meeting room?
Where is the meeting room on the second floor? | I cannot find the meeting room upstairs.
Can I bring my dog on the train? | May I bring my dog on the train?
Can I bring my dog on the train? | Is it possible to bring a dog on the train?
Can I bring my dog on the train? | Are dogs allowed on trains?
How early should I be at the airport? | How early should we be at the airport?
How early should I be at the airport? | how early should I be at the airport, please?
How early should I be at the airport? | When do I have to get to the airport before a flight?
What is the baggage allowance? | What's the baggage allowance?
What is the baggage allowance? | what is your baggage allowance
What is the baggage allowance? | How many bags can I take?
Do I need a visa for Japan? | Do I require a visa for Japan?
Do I need a visa for Japan? | For Japan, do I need a visa?
Do I need a visa for Japan? | Is a visa necessary to enter Japan?
How do I check in online? | How can I check in online?
How do I check in online? | how to check in online
How do I check in online? | Online check-in, where?
Can I get a window seat? | Could I get a window seat?
Can I get a window seat? | is it possible to get a window seat
Can I get a window seat? | I'd rather sit at the window.
Is breakfast included? | is breakfast included?
Is breakfast included? | Hello, is the breakfast included?
Is breakfast included? | Do I pay extra for breakfast?
What time is checkout? | What's the checkout time?
What time is checkout? | when is checkout
What time is checkout? | Until when do we have to leave the room?
Does the hotel have a pool? | does the hotel have a pool
Does the hotel have a pool? | do you know whether the hotel has a pool
Does the hotel have a pool? | Can one swim at the hotel?
`
